"""Opt-outs: people who answered that they want no more messages on a channel. Honoured before every sending.

What a person said last counts, whatever order it arrives in. The address is kept in clear like the contact's own row.
WhatsApp writes some numbers with a digit more than the numbering plan has (Mexico 521, Argentina 549, Brazil without or
with the ninth digit): both spellings count as one.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from records.cases import Party
from storage.database import Base, NewId, new_id

_MEXICO = re.compile(r"521(\d{10})")
_ARGENTINA = re.compile(r"549(\d{10})")
_BRAZIL = re.compile(r"55(\d{2})9(\d{8})")


class OptOut(Base):
    """One address that asked a company to stop, until its person wants messages again."""

    __tablename__ = "opt_outs"
    __table_args__ = (UniqueConstraint("org_id", "address"),)

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    address: Mapped[str] = mapped_column(String(140))
    at: Mapped[datetime]
    """When the person said it."""
    lifted_at: Mapped[datetime | None]
    """When they took it back; the evidence is in `opt_ins`."""


def address_key(untrusted: str) -> str:
    """Return one spelling for a phone number (digits, with or without `+`) or a business-scoped user id."""
    digits = untrusted.lstrip("+")
    if not digits.isdigit():
        return untrusted
    for pattern, prefix in ((_MEXICO, "52"), (_ARGENTINA, "54"), (_BRAZIL, "55")):
        found = pattern.fullmatch(digits)
        if found is not None:
            return prefix + "".join(found.groups())
    return digits


def opt_out(session: Session, *, org_id: str, addresses: Iterable[str], said_at: datetime) -> None:
    """Remember that these addresses of one person want no more messages.

    A second time changes nothing, and neither does a word older than the one that lifted it.
    """
    rows = [
        {"id": new_id(), "org_id": org_id, "address": address_key(address), "at": said_at, "lifted_at": None}
        for address in addresses
        if address
    ]
    if rows:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        statement = insert(OptOut).values(rows)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["org_id", "address"],
                set_={"at": statement.excluded.at, "lifted_at": None},
                where=func.coalesce(OptOut.lifted_at, OptOut.at) < statement.excluded.at,
            )
        )


def lift_opt_out(session: Session, *, org_id: str, addresses: Iterable[str | None], said_at: datetime) -> int:
    """Let messages go to these addresses again, since their person said so at `said_at`; return how many it changed.

    Keep the evidence with it (`records/optins.py`). A wish to stop that is as new stays.
    """
    wanted = [address_key(address) for address in addresses if address]
    lifted: Any = session.execute(
        update(OptOut)
        .where(OptOut.org_id == org_id, OptOut.address.in_(wanted), OptOut.lifted_at.is_(None), OptOut.at < said_at)
        .values(lifted_at=said_at)
        .execution_options(synchronize_session=False)
    )
    return int(lifted.rowcount)


def opted_out(session: Session, party: Party) -> bool:
    """Whether any address of this person asked their company to stop."""
    return refuses(session, org_id=party.org_id, addresses=(party.phone, party.bsuid))


def refuses(session: Session, *, org_id: str, addresses: Iterable[str | None]) -> bool:
    """Whether any of these addresses asked the company to stop."""
    wanted = [address_key(address) for address in addresses if address]
    asked = select(OptOut.id).where(OptOut.org_id == org_id, OptOut.address.in_(wanted), OptOut.lifted_at.is_(None))
    return session.scalars(asked.limit(1)).first() is not None
