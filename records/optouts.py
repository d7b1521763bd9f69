"""Opt-outs: people who answered that they want no more messages on a channel. Honoured before every sending.

The address is kept in clear like the contact's own row. WhatsApp writes some numbers with a digit more than the
numbering plan has (Mexico 521, Argentina 549, Brazil without or with the ninth digit): both spellings count as one.
"""

import re
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from records.cases import Party
from storage.database import Base, NewId, new_id

_MEXICO = re.compile(r"521(\d{10})")
_ARGENTINA = re.compile(r"549(\d{10})")
_BRAZIL = re.compile(r"55(\d{2})9(\d{8})")


class OptOut(Base):
    """One address that asked a company to stop."""

    __tablename__ = "opt_outs"
    __table_args__ = (UniqueConstraint("org_id", "address"),)

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    address: Mapped[str] = mapped_column(String(140))
    at: Mapped[datetime]


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


def opt_out(session: Session, *, org_id: str, addresses: Iterable[str], now: datetime) -> None:
    """Remember that these addresses of one person want no more messages; a second time changes nothing."""
    rows = [
        {"id": new_id(), "org_id": org_id, "address": address_key(address), "at": now}
        for address in addresses
        if address
    ]
    if rows:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        statement = insert(OptOut).values(rows)
        session.execute(statement.on_conflict_do_nothing(index_elements=["org_id", "address"]))


def opted_out(session: Session, party: Party) -> bool:
    """Whether any address of this person asked their company to stop."""
    addresses = [address_key(address) for address in (party.phone, party.bsuid) if address]
    asked = select(OptOut.id).where(OptOut.org_id == party.org_id, OptOut.address.in_(addresses))
    return session.scalars(asked.limit(1)).first() is not None
