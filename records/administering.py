"""Administration at the console: members, who may sign in, and the keys of integrations."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import Event, record
from records.apikeys import ApiKey, create_api_key
from records.errors import InvalidValue, NotFound, WrongState
from records.organizations import Team
from records.people import Member, Role
from records.policy import Action, require

NAME_LENGTH = 80
LIVES = {"": None, "90": timedelta(days=90), "365": timedelta(days=365)}
"""How long a new key may live, by what the form says; empty: until it is revoked."""
OVERLAPS = {"0": timedelta(0), "1": timedelta(days=1), "7": timedelta(days=7)}
"""How long the old secret stays valid beside the new one, by the days that the form says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiKey:
    """A key as somebody filled the form; `make_api_key` checks every field."""

    untrusted_name: str
    untrusted_team: str
    untrusted_scopes: list[str]
    untrusted_days: str
    untrusted_networks: str
    """Addresses and networks with spaces or line ends between them; empty: everywhere."""


def members(session: Session, member: Member) -> list[Member]:
    """Return everybody of the organization. Raises Forbidden."""
    require(member, Action.ADMINISTER)
    return list(session.scalars(select(Member).where(Member.org_id == member.org_id).order_by(Member.name, Member.id)))


def api_keys(session: Session, member: Member) -> list[ApiKey]:
    """Return the organization's API keys, newest first. Raises Forbidden."""
    require(member, Action.ADMINISTER)
    found = select(ApiKey).where(ApiKey.org_id == member.org_id).order_by(ApiKey.created_at.desc(), ApiKey.id)
    return list(session.scalars(found))


def team_names(session: Session, member: Member) -> dict[str, str]:
    """Return the names of the organization's teams by id. Raises Forbidden."""
    require(member, Action.ADMINISTER)
    return {team.id: team.name for team in session.scalars(select(Team).where(Team.org_id == member.org_id))}


def set_active(session: Session, member: Member, other_id: str, *, active: bool, now: datetime) -> None:
    """Let somebody in or shut them out: their sessions end at their next request.

    Raises Forbidden, NotFound; WrongState for oneself, for no change, and for the last active administrator.
    """
    require(member, Action.ADMINISTER)
    other = session.get(Member, other_id)
    if other is None or other.org_id != member.org_id:
        raise NotFound(f"member {other_id}")
    if other.id == member.id or other.active == active:
        raise WrongState(f"member {other.id}")
    if not active and other.role == Role.ADMINISTRATOR and _administrators(session, member.org_id) < 2:
        raise WrongState("the last administrator")
    other.active = active
    other.session_epoch += 1
    record(
        session,
        Event.STAFF_MEMBER_ENABLED if active else Event.STAFF_MEMBER_DISABLED,
        org_id=member.org_id,
        actor_id=member.id,
        subject_id=other.id,
        details={"role": str(other.role)},
        now=now,
    )


def make_api_key(session: Session, member: Member, given: NewApiKey, *, now: datetime) -> tuple[ApiKey, str]:
    """Make an API key whose cases go to a team: without one no executive would ever see them.

    Returns the row and the whole key, which is shown once. Raises Forbidden or InvalidValue.
    """
    require(member, Action.ADMINISTER)
    name = given.untrusted_name.strip()
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise InvalidValue("name", "length")
    if given.untrusted_team not in team_names(session, member):
        raise InvalidValue("team", "required")
    if given.untrusted_days not in LIVES:
        raise InvalidValue("days", "out_of_bounds")
    life = LIVES[given.untrusted_days]
    row, key = create_api_key(
        session,
        org_id=member.org_id,
        team_id=given.untrusted_team,
        name=name,
        scopes=given.untrusted_scopes,
        networks=given.untrusted_networks.split(),
        expires_at=None if life is None else now + life,
        now=now,
    )
    _record(session, Event.STAFF_API_KEY_CREATED, member, row, now, team=given.untrusted_team)
    return row, key


def rotate_api_key(
    session: Session, member: Member, key_id: str, *, untrusted_overlap: str, now: datetime
) -> tuple[ApiKey, str]:
    """Give a key a new secret, valid at once; the old one ends after the overlap.

    Returns the row and the whole key, which is shown once. Raises Forbidden, NotFound, WrongState, InvalidValue.
    """
    row = _api_key(session, member, key_id)
    if untrusted_overlap not in OVERLAPS:
        raise InvalidValue("overlap", "out_of_bounds")
    whole = row.rotate(overlap=OVERLAPS[untrusted_overlap], now=now)
    _record(session, Event.STAFF_API_KEY_ROTATED, member, row, now)
    return row, whole


def revoke_api_key(session: Session, member: Member, key_id: str, *, now: datetime) -> None:
    """End an API key at once, with both of its secrets. Raises Forbidden, NotFound or WrongState."""
    row = _api_key(session, member, key_id)
    if row.revoked_at is not None:
        raise WrongState(f"api key {key_id} is revoked")
    row.revoked_at = now
    _record(session, Event.STAFF_API_KEY_REVOKED, member, row, now)


def _api_key(session: Session, member: Member, key_id: str) -> ApiKey:
    require(member, Action.ADMINISTER)
    row = session.get(ApiKey, key_id)
    if row is None or row.org_id != member.org_id:
        raise NotFound(f"api key {key_id}")
    return row


def _record(session: Session, event: Event, member: Member, row: ApiKey, now: datetime, **details: str) -> None:
    record(session, event, org_id=member.org_id, actor_id=member.id, subject_id=row.id, details=details, now=now)


def _administrators(session: Session, org_id: str) -> int:
    active = select(func.count()).where(Member.org_id == org_id, Member.role == Role.ADMINISTRATOR, Member.active)
    return session.scalar(active) or 0
