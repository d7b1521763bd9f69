"""`apikey create|list|rotate|revoke|allow`: what lets a CRM in. A key is shown once, its hash is kept."""

import re
from datetime import datetime, timedelta

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import Event
from portal.cli.session import CommandRefused, Wiring, note, organization, pass_wiring, team_of
from records.apikeys import PREFIX, ApiKey, Scope, checked_networks, create_api_key
from records.errors import InvalidValue, WrongState
from storage.database import utcnow

SCOPES = [scope.value for scope in Scope]
_SPAN = re.compile(r"(\d{1,4})([mhd])")


@click.group()
def apikey() -> None:
    """Keys of CRMs for the REST API."""


@apikey.command("create")
@click.argument("org")
@click.option("--name", required=True, help="Which integration it is for.")
@click.option("--team", help="Name of the team that gets the cases it opens, and whose cases it sees.")
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, help="Default: all of them.")
@click.option("--days", type=click.IntRange(1, 3650), help="Life; without it the key lives until it is revoked.")
@click.option("--network", "networks", multiple=True, help="Address or network (CIDR) it may be used from.")
@pass_wiring
def create(
    wiring: Wiring,
    org: str,
    name: str,
    team: str | None,
    scopes: tuple[str, ...],
    days: int | None,
    networks: tuple[str, ...],
) -> None:
    """Create an API key of ORG and print it once."""
    if not 0 < len(name.strip()) <= 80:
        raise CommandRefused("a name has 1 to 80 characters")
    now = utcnow()
    with wiring.database().transaction() as session:
        org_id = organization(session, org).id
        row, key = create_api_key(
            session,
            org_id=org_id,
            name=name.strip(),
            scopes=list(scopes or SCOPES),
            team_id=team_of(session, org_id, team).id if team is not None else None,
            expires_at=now + timedelta(days=days) if days is not None else None,
            networks=_networks(networks),
            now=now,
        )
        note(session, Event.ADMINISTRATOR_API_KEY_CREATED, org_id=org_id, subject_id=row.id)
    _show(key)


@apikey.command("list")
@click.argument("org")
@pass_wiring
def listed(wiring: Wiring, org: str) -> None:
    """List the API keys of ORG: id, name, state, last use, networks, scopes."""
    now = utcnow()
    with wiring.database().reading() as session:
        org_id = organization(session, org).id
        rows = session.scalars(select(ApiKey).where(ApiKey.org_id == org_id).order_by(ApiKey.created_at, ApiKey.id))
        for row in rows:
            used = _time(row.last_used_at) if row.last_used_at is not None else "never used"
            where = ",".join(row.networks) or "everywhere"
            click.echo(f"{row.id}  {row.name}  {_state(row, now)}  {used}  {where}  {','.join(row.scopes)}")


@apikey.command("rotate")
@click.argument("key")
@click.option("--overlap", default="24h", help="How long the old secret stays valid: 30m, 24h, 7d, 0m. Default 24h.")
@pass_wiring
def rotate(wiring: Wiring, key: str, overlap: str) -> None:
    """Give KEY (its id, or its beginning up to there) a new secret, valid at once, and print the whole key once."""
    span = _SPAN.fullmatch(overlap)
    if span is None:
        raise CommandRefused("an overlap is a number and m, h or d: 30m, 24h, 7d")
    unit = {"m": "minutes", "h": "hours", "d": "days"}[span[2]]
    with wiring.database().transaction() as session:
        row = _key(session, key)
        try:
            whole = row.rotate(overlap=timedelta(**{unit: int(span[1])}), now=utcnow())
        except WrongState:
            raise CommandRefused("this key has ended") from None
        except InvalidValue:
            raise CommandRefused("an overlap has 30 days at most") from None
        note(session, Event.ADMINISTRATOR_API_KEY_ROTATED, org_id=row.org_id, subject_id=row.id)
    _show(whole)


@apikey.command("revoke")
@click.argument("key")
@pass_wiring
def revoke(wiring: Wiring, key: str) -> None:
    """End KEY at once, with both of its secrets."""
    with wiring.database().transaction() as session:
        row = _key(session, key)
        if row.revoked_at is not None:
            raise CommandRefused("this key is revoked already")
        row.revoked_at = utcnow()
        note(session, Event.ADMINISTRATOR_API_KEY_REVOKED, org_id=row.org_id, subject_id=row.id)
    click.echo("revoked")


@apikey.command("allow")
@click.argument("key")
@click.argument("networks", nargs=-1)
@click.option("--everywhere", is_flag=True, help="Take the list away.")
@pass_wiring
def allow(wiring: Wiring, key: str, networks: tuple[str, ...], everywhere: bool) -> None:
    """Let KEY be used from NETWORKS (addresses or CIDR, v4 or v6) only; this list replaces the one before."""
    if everywhere == bool(networks):
        raise CommandRefused("give networks, or --everywhere")
    with wiring.database().transaction() as session:
        row = _key(session, key)
        row.networks = _networks(networks)
        note(session, Event.ADMINISTRATOR_API_KEY_BOUND, org_id=row.org_id, subject_id=row.id)
        click.echo(",".join(row.networks) or "everywhere")


def _key(session: Session, untrusted: str) -> ApiKey:
    """Return the key with this id. Raises CommandRefused."""
    found = session.get(ApiKey, untrusted.removeprefix(PREFIX).partition("_")[0])
    if found is None:
        raise CommandRefused("there is no API key with that id")
    return found


def _networks(untrusted: tuple[str, ...]) -> list[str]:
    try:
        return checked_networks(untrusted)
    except InvalidValue:
        raise CommandRefused("a network is an address or CIDR without host bits: 203.0.113.0/24") from None


def _state(row: ApiKey, now: datetime) -> str:
    if row.revoked_at is not None:
        return f"revoked {_time(row.revoked_at)}"
    if row.ended(now) and row.expires_at is not None:
        return f"expired {_time(row.expires_at)}"
    if row.previous_until is not None and now < row.previous_until:
        return f"active, old secret until {_time(row.previous_until)}"
    return "active" if row.expires_at is None else f"active until {_time(row.expires_at)}"


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _show(key: str) -> None:
    click.echo(key)
    click.echo("Shown this once and stored nowhere in clear.", err=True)
