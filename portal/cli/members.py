"""`member create`, `member reset`, `member disable`: the people who sign in to the console.

Rules: a password has at least 15 characters (NIST SP 800-63B-4, 3.1.1.2) and is never an argument, which other users
of the machine could read; the TOTP seed is printed once, as the URI that authenticator apps read.
"""

import re
import secrets

import click
import pyotp
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import Event
from portal.cli.session import CommandRefused, Wiring, note, organization, pass_wiring, team_of
from records.people import Member, Role
from records.policy import OWN_TEAM_ONLY
from records.signing_in import MOST_PASSWORD_BYTES, Passwords, new_seed
from storage.database import new_id, utcnow

FEWEST_CHARACTERS = 15
EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+")


@click.group()
def member() -> None:
    """People who sign in to the console."""


generated = click.option("--generate", is_flag=True, help="Draw the password and print it once instead of asking.")


@member.command("create")
@click.argument("org")
@click.argument("email")
@click.option("--name", required=True)
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option("--team", help="Name of the team; an executive needs one.")
@generated
@pass_wiring
def create(wiring: Wiring, org: str, email: str, name: str, role: str, team: str | None, generate: bool) -> None:
    """Create a member of ORG who signs in as EMAIL; prints the TOTP provisioning URI once."""
    address = email.strip().lower()
    if not EMAIL.fullmatch(address) or len(address) > 254:
        raise CommandRefused("that is no e-mail address")
    if not 0 < len(name.strip()) <= 120:
        raise CommandRefused("a name has 1 to 120 characters")
    if Role(role) in OWN_TEAM_ONLY and team is None:
        raise CommandRefused(f"a member with role {role} sees the cases of a team: name it with --team")
    box, seed = wiring.staff_box(), new_seed()
    with wiring.database().reading() as session:
        found = organization(session, org)
        _refuse_taken(session, address)
        team_id = team_of(session, found.id, team).id if team is not None else None
    password = _password(generate=generate)
    made = Member(
        id=new_id(),
        org_id=found.id,
        team_id=team_id,
        email=address,
        name=name.strip(),
        role=Role(role),
        locale=found.locale,
        password_hash=Passwords().hash(password),
        created_at=utcnow(),
    )
    made.totp_boxed = box.seal(seed.encode(), table="members", row=made.id, column="totp_boxed")
    with wiring.database().transaction() as session:
        _refuse_taken(session, address)
        session.add(made)
        session.flush()
        note(session, Event.ADMINISTRATOR_MEMBER_CREATED, org_id=made.org_id, subject_id=made.id, role=role)
    _show(address, found.name, seed, password if generate else None)


@member.command("reset")
@click.argument("email")
@generated
@pass_wiring
def reset(wiring: Wiring, email: str, generate: bool) -> None:
    """Give the member EMAIL a new password and a new TOTP seed; open sessions end at their next request."""
    box, seed = wiring.staff_box(), new_seed()
    with wiring.database().reading() as session:
        _find(session, email)
    password = _password(generate=generate)
    hashed = Passwords().hash(password)
    with wiring.database().transaction() as session:
        found = _find(session, email)
        found.password_hash = hashed
        found.totp_boxed = box.seal(seed.encode(), table="members", row=found.id, column="totp_boxed")
        found.totp_last_step, found.failures, found.locked_until = 0, 0, None
        found.session_epoch += 1
        note(session, Event.ADMINISTRATOR_MEMBER_RESET, org_id=found.org_id, subject_id=found.id)
        issuer = organization(session, found.org_id).name
    _show(found.email, issuer, seed, password if generate else None)


@member.command("disable")
@click.argument("email")
@pass_wiring
def disable(wiring: Wiring, email: str) -> None:
    """Shut the member EMAIL out: open sessions end at their next request."""
    with wiring.database().transaction() as session:
        found = _find(session, email)
        if not found.active:
            raise CommandRefused("the member is disabled already")
        found.active = False
        found.session_epoch += 1
        details = {"role": str(found.role)}
        note(session, Event.ADMINISTRATOR_MEMBER_DISABLED, org_id=found.org_id, subject_id=found.id, **details)
    click.echo("disabled")


def _find(session: Session, email: str) -> Member:
    found = session.scalars(select(Member).where(func.lower(Member.email) == email.strip().lower())).first()
    if found is None:
        raise CommandRefused("there is no member with that address")
    return found


def _refuse_taken(session: Session, address: str) -> None:
    if session.scalars(select(Member.id).where(func.lower(Member.email) == address)).first() is not None:
        raise CommandRefused("there is a member with that address already")


def _password(*, generate: bool) -> str:
    if generate:
        return secrets.token_urlsafe(18)
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    if len(password) < FEWEST_CHARACTERS or len(password.encode("utf-8", "replace")) > MOST_PASSWORD_BYTES:
        raise CommandRefused(f"a password has at least {FEWEST_CHARACTERS} characters")
    return password


def _show(address: str, issuer: str, seed: str, password: str | None) -> None:
    if password is not None:
        click.echo(f"password  {password}")
    click.echo(f"totp      {pyotp.TOTP(seed).provisioning_uri(name=address, issuer_name=issuer)}")
    click.echo("Shown this once and stored nowhere in clear.", err=True)
