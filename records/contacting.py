"""When and how a company writes to its customers: hours, days of rest, notices, order of channels.

Rules: a company without a row has the defaults below; hours are the customer's own (records/calendars.py); what a
person does by hand is not bound by hours, what the system sends by itself is.
"""

from datetime import time
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from records.calendars import Hours
from storage.database import Base

OPENS, CLOSES = "09:00", "21:00"
SUNDAY = "sun"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", SUNDAY)
CHANNELS = ("whatsapp", "sms", "email")
"""Order of the ways to a customer, unless the company says otherwise."""
UNDELIVERED_HOURS = 24
"""A message that no phone has confirmed for so long goes out on the next channel."""


class ContactRules(Base):
    """How one company writes to its customers. No row: the defaults."""

    __tablename__ = "contact_rules"

    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    opens: Mapped[str] = mapped_column(String(5))
    """Wall-clock time of the customer, HH:MM, before which nothing is sent by itself."""
    closes: Mapped[str] = mapped_column(String(5))
    """The time from which nothing is; "24:00" is the end of the day."""
    rest_days: Mapped[list[str]]
    """Days of the week (mon ... sun) without messages."""
    rest_on_holidays: Mapped[bool]
    """Whether public holidays of the customer's country are days of rest too."""
    received_notices: Mapped[bool]
    """Whether customers are told that what they sent has arrived (records/notices.py)."""
    channels: Mapped[list[str]]
    """Ways to a customer in the order in which they are tried."""
    undelivered_hours: Mapped[int]
    opt_out_everywhere: Mapped[bool]
    """Whether who opted out by phone gets no mail either. The careful answer, unless the company has another basis."""

    def hours(self) -> Hours:
        """Return when messages may leave."""
        return Hours(
            opens=_minutes(self.opens),
            closes=_minutes(self.closes),
            rest_days=frozenset(WEEKDAYS.index(day) for day in self.rest_days),
            rest_on_holidays=self.rest_on_holidays,
        )


def standard_rules(org_id: str) -> ContactRules:
    """Return the defaults, as a row that nobody has stored."""
    values: dict[str, Any] = {
        "opens": OPENS,
        "closes": CLOSES,
        "rest_days": [SUNDAY],
        "rest_on_holidays": True,
        "received_notices": True,
        "channels": list(CHANNELS),
        "undelivered_hours": UNDELIVERED_HOURS,
        "opt_out_everywhere": True,
    }
    return ContactRules(org_id=org_id, **values)


def rules_of(session: Session, org_id: str) -> ContactRules:
    """Return the rules of a company."""
    return session.get(ContactRules, org_id) or standard_rules(org_id)


def _minutes(clock: str) -> int:
    """Return minutes after midnight. Raises ValueError for what is no time of a day."""
    if clock == "24:00":
        return 24 * 60
    read = time.fromisoformat(clock)
    return read.hour * 60 + read.minute
