"""What a command is given: the database, the boxes it seals with, and who runs it. Each is opened when first asked for.

Rules: a command that changes rows records an event in the same transaction; its actor is the operator's user id on this
machine, never a name; a secret that is shown is shown once and stored nowhere.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import Event, record
from records.organizations import Organization, Team
from storage.database import Database, utcnow
from storage.sealing.box import Box


class CommandRefused(Exception):
    """The command line asks for something that does not exist or must not be. The message is for the operator."""

    code = "command_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """How to reach what a command needs; nothing is read before it is called."""

    database: Callable[[], Database]
    staff_box: Callable[[], Box]
    courier_box: Callable[[], Box]
    gateway_box: Callable[[], Box]
    secret_text: Callable[[Path], str]
    """Reads a one-line secret from a file that nobody else can read."""
    public_key: Callable[[Path], bytes]
    """Reads a pinned public key, 32 bytes, from a file that nobody else can write."""


pass_wiring = click.make_pass_decorator(Wiring)


def operator() -> str:
    """Return the actor of the events: the user who ran sudo, else the user of this process."""
    untrusted = os.environ.get("SUDO_UID", "")
    return f"uid-{untrusted if untrusted.isascii() and untrusted.isdigit() and len(untrusted) < 12 else os.getuid()}"


def note(session: Session, event: Event, *, org_id: str, subject_id: str, **details: Any) -> None:
    """Record what the operator did, in the transaction of its effect."""
    record(
        session,
        event,
        org_id=org_id,
        actor_id=operator(),
        subject_id=subject_id,
        details=details,
        now=utcnow(),
    )


def organization(session: Session, slug: str) -> Organization:
    """Return the organization with this slug or id. Raises CommandRefused."""
    wanted = (Organization.slug == slug) | (Organization.id == slug)
    found = session.scalars(select(Organization).where(wanted)).first()
    if found is None:
        raise CommandRefused(f"there is no organization {slug!r}")
    return found


def team_of(session: Session, org_id: str, name: str) -> Team:
    """Return the organization's team with this name. Raises CommandRefused."""
    found = session.scalars(select(Team).where(Team.org_id == org_id, Team.name == name)).first()
    if found is None:
        raise CommandRefused(f"there is no team {name!r}")
    return found
