"""Chats: the 24 hours after a customer wrote in which they may be answered, and what is to be said.

Rules: the window is the only place where the address of who wrote is kept, and it goes when it has ended. One answer
at a time and few of them: the window's own row says what is still to be said and what was said last.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database import Base, NewId, new_id
from storage.due import Due

WINDOW = timedelta(hours=24)
"""How long after a customer's message the platform delivers a free answer."""
GATHER = timedelta(seconds=3)
"""An album arrives as one webhook for each photo: they get one answer."""
QUIET = timedelta(minutes=10)
"""Between two answers about files in one chat."""


class Answer(StrEnum):
    """What a chat is to be told."""

    HINT = "hint"  # nobody reads here; this is how to reach a person
    FILE = "file"  # documents go through the portal
    FAREWELL = "farewell"  # no more messages will come
    WELCOME = "welcome"  # messages will come again


URGENCY = {Answer.HINT: 0, Answer.FILE: 1, Answer.FAREWELL: 2, Answer.WELCOME: 2}
MAX_TRIES = 5
"""Of one answer that never left; after that nobody is waiting for it any more."""


class ChatWindow(Due, Base):
    """One customer's chat with one of our numbers, until 24 hours after they last wrote.

    `due_at` asks the courier for the answer `wants`.
    """

    __tablename__ = "chat_windows"
    __table_args__ = (UniqueConstraint("sender_id", "address"), Index(None, "due_at", "lease_until"))

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    sender_id: Mapped[str] = mapped_column(ForeignKey("whatsapp_senders.id"))
    address: Mapped[str] = mapped_column(String(140))
    """The first by which they were known here: user id, else phone."""
    phone: Mapped[str | None] = mapped_column(String(32))
    """Digits, as the platform writes them."""
    bsuid: Mapped[str | None] = mapped_column(String(140))
    until: Mapped[datetime]
    wamid: Mapped[str] = mapped_column(String(200))
    """Of their newest message."""
    wants: Mapped[Answer | None] = mapped_column(String(10))
    message_id: Mapped[str | None] = mapped_column(ForeignKey("messages.id"))
    """Message of ours that this chat is about, where one was found."""
    posting: Mapped[str | None] = mapped_column(String(32))
    """Id of the answer that is on its way: committed before it leaves, so that it never leaves twice."""
    answered: Mapped[Answer | None] = mapped_column(String(10))
    answered_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)

    def recipient(self) -> str:
        """Return where an answer goes: E.164 with `+`, else the business-scoped user id."""
        return f"+{self.phone}" if self.phone else str(self.bsuid)

    def ask_for(self, answer: Answer, *, now: datetime) -> None:
        """Queue an answer, unless a more urgent one waits already or the chat was told a moment ago."""
        if self.wants is not None and URGENCY[Answer(self.wants)] > URGENCY[answer]:
            return
        pause = WINDOW if answer is Answer.HINT else QUIET
        lately = self.answered_at is not None and now - self.answered_at < pause
        if lately and answer in (self.answered, Answer.HINT):
            return
        self.wants, self.tries = answer, 0
        self.due_at = self.due_at or now + GATHER


def open_window(
    session: Session,
    *,
    org_id: str,
    sender_id: str,
    phone: str | None,
    bsuid: str | None,
    wamid: str,
    said_at: datetime,
) -> ChatWindow | None:
    """Return the chat's window behind its row lock, open until 24 h after `said_at`; None for a chat without address.

    It is found by either address, since the platform does not always tell both.
    """
    address = bsuid or phone
    if address is None:
        return None
    known = _window(session, sender_id, phone, bsuid)
    if known is None:
        addresses = {"address": address, "phone": phone, "bsuid": bsuid}
        _insert(session, org_id=org_id, sender_id=sender_id, wamid=wamid, until=said_at + WINDOW, **addresses)
        known = _window(session, sender_id, phone, bsuid)
    if known is None:  # cannot be: it was inserted, or another had inserted it
        return None
    known.phone, known.bsuid = phone or known.phone, bsuid or known.bsuid
    if said_at + WINDOW > known.until:
        known.until, known.wamid = said_at + WINDOW, wamid
    return known


def _window(session: Session, sender_id: str, phone: str | None, bsuid: str | None) -> ChatWindow | None:
    wanted = [column == value for column, value in ((ChatWindow.bsuid, bsuid), (ChatWindow.phone, phone)) if value]
    query = select(ChatWindow).where(ChatWindow.sender_id == sender_id, or_(*wanted)).order_by(ChatWindow.until.desc())
    return session.scalars(query.limit(1).with_for_update().execution_options(populate_existing=True)).first()


def _insert(session: Session, **values: Any) -> None:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    new = insert(ChatWindow).values(id=new_id(), **values)
    session.execute(new.on_conflict_do_nothing(index_elements=["sender_id", "address"]))


def drop_ended(session: Session, now: datetime) -> int:
    """Forget the chats whose window has ended, and with them who wrote; return how many."""
    ended: Any = session.execute(delete(ChatWindow).where(ChatWindow.until < now))
    return int(ended.rowcount)
