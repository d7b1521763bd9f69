"""Messages to customers: what is to be sent, how each attempt ended, and delivery as the channel reports it.

The row is the outbox. It names the purpose and the link; words, phone and token are put together when it is sent and
stored nowhere. `sending` is committed before the POST; what was cut off there is `unknown` until a status or a person
settles it.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, String, false, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from records.links import UploadLink
from records.requests import DocumentRequest
from records.senders import WhatsAppSender  # noqa: F401 (its table: an update names the number that it came to)
from storage.database import Base, NewId
from storage.due import Due

UNKNOWN_WAIT = timedelta(seconds=120)
"""How long an unknown outcome waits for a status before a person may send the message again."""


class Channel(StrEnum):
    """Ways to reach a customer."""

    WHATSAPP = "whatsapp"
    SMS = "sms"
    EMAIL = "email"
    CRM = "crm"  # the inbox of the CRM, which sends from the company's own number


class Purpose(StrEnum):
    """Why a message is sent; picks the template."""

    REQUEST = "request"
    RETURNED = "returned"
    REMINDER = "reminder"
    RECEIVED = "received"
    CODE = "code"


class MessageState(StrEnum):
    """Delivery, forward only. ACCEPTED is the channel's 200; sent, delivered and read come by webhook."""

    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    CANCELLED = "cancelled"


class WaitReason(StrEnum):
    """Why a queued message does not leave yet."""

    BACKOFF = "backoff"  # a passing fault: tried again soon
    NOT_SENT = "not_sent"  # no connection to the channel
    PAIR = "pair"  # the last message to this person has just left
    RECIPIENT = "recipient"  # the channel takes nothing for this person for a while
    SENDER = "sender"  # every number that may send it is stopped
    TEMPLATE = "template"  # its template is missing, paused or not approved
    BUDGET = "budget"  # the day's new conversations are used up
    QUIET = "quiet"  # the customer may be asleep
    VERIFY = "verify"  # somebody must first make sure that the address is still the customer's


RANK = {
    MessageState.QUEUED: 0,
    MessageState.SENDING: 1,
    MessageState.UNKNOWN: 1,
    MessageState.ACCEPTED: 2,
    MessageState.SENT: 3,
    MessageState.DELIVERED: 4,
    MessageState.READ: 5,
}
"""Order of the states that a channel reports; FAILED and CANCELLED stand outside it."""


class Message(Due, Base):
    """One message to one party about one request."""

    __tablename__ = "messages"

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), index=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("document_requests.id"), index=True)
    link_id: Mapped[str] = mapped_column(ForeignKey("upload_links.id"))
    channel: Mapped[Channel] = mapped_column(String(10), default=Channel.WHATSAPP)
    """Chosen by the courier with each attempt (`records/channels.py`), unless it is pinned."""
    pinned: Mapped[bool] = mapped_column(default=False, server_default=false())
    """The channel was chosen by a failure on another one, or by a person."""
    purpose: Mapped[Purpose] = mapped_column(String(20))
    state: Mapped[MessageState] = mapped_column(String(10), default=MessageState.QUEUED)
    wamid: Mapped[str | None] = mapped_column(String(200), index=True)
    error: Mapped[str | None] = mapped_column(String(60))
    """Code of the last failure: the channel's number or one of ours."""
    tries: Mapped[int] = mapped_column(default=0, server_default="0")
    """Passing faults met since it was queued, moved to another channel or sent again by a person."""
    shortened: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Its texts were too long once: they go shortened."""
    waits_for: Mapped[WaitReason | None] = mapped_column(String(20))
    held_by: Mapped[str | None] = mapped_column(String(32), index=True)
    """The breaker that holds it; closing that makes it due at once."""
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    request: Mapped[DocumentRequest] = relationship()
    link: Mapped[UploadLink] = relationship()

    def advance(self, state: MessageState, now: datetime) -> bool:
        """Move forward to a reported state; a lower or equal one changes nothing. A late delivery follows FAILED."""
        current = RANK.get(MessageState(self.state), 2 if self.state == MessageState.FAILED else 99)
        if RANK[state] <= current:
            return False
        self.state, self.changed_at = state, now
        self.waits_for = self.held_by = None
        return True

    def fail(self, error: str, now: datetime) -> bool:
        """End undelivered. What was already delivered or read stays so."""
        if self.state in (MessageState.DELIVERED, MessageState.READ, MessageState.FAILED, MessageState.CANCELLED):
            return False
        self.state, self.error, self.changed_at, self.due_at = MessageState.FAILED, error, now, None
        self.waits_for = self.held_by = None
        return True

    def wait(self, why: WaitReason, until: datetime, now: datetime, *, held_by: str | None = None) -> None:
        """Stay queued until then, and say why."""
        if self.state != MessageState.QUEUED or self.waits_for != why:
            self.changed_at = now
        self.state, self.waits_for, self.held_by, self.due_at = MessageState.QUEUED, why, held_by, until

    def move_to(self, channel: Channel, now: datetime) -> None:
        """Go out anew on another channel, with the same link."""
        self.channel, self.pinned, self.tries, self.shortened = channel, True, 0, False
        self.state, self.changed_at, self.due_at = MessageState.QUEUED, now, now
        self.waits_for = self.held_by = None


class MessageAttempt(Base):
    """One try to hand a message to the channel. `id` travels as the channel's opaque callback data."""

    __tablename__ = "message_attempts"

    id: Mapped[NewId]
    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id"), index=True)
    number: Mapped[int]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(20))
    """accepted, refused, not_sent, unknown; overtaken by a status; failed, as a status said later."""
    error: Mapped[str | None] = mapped_column(String(60))
    channel: Mapped[Channel | None] = mapped_column(String(10))
    sender_id: Mapped[str | None] = mapped_column(String(32))
    """The number that it left from."""
    template: Mapped[str | None] = mapped_column(String(200))
    """Name and language of the template, `name/es_MX`."""
    wamid: Mapped[str | None] = mapped_column(String(200), index=True)
    recipient: Mapped[str | None] = mapped_column(String(32), index=True)
    """The address as the channel writes it (`wa_id`), from its answer or a status: by this, and never by the number
    that somebody typed, a customer who writes is recognized."""
    recipient_user: Mapped[str | None] = mapped_column(String(140), index=True)
    """The business-scoped user id, from the same."""


class InboundEvent(Due, Base):
    """One update out of a channel's webhook, stored before the 200 and processed later, once."""

    __tablename__ = "inbound_events"

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    sender_id: Mapped[str] = mapped_column(ForeignKey("whatsapp_senders.id"))
    dedup_key: Mapped[str] = mapped_column(String(300), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    wamid: Mapped[str | None] = mapped_column(String(200))
    opaque: Mapped[str | None] = mapped_column(String(512))
    status: Mapped[str | None] = mapped_column(String(20))
    error: Mapped[str | None] = mapped_column(String(60))
    at: Mapped[datetime | None]
    """Time that the channel states."""
    phone: Mapped[str | None] = mapped_column(String(32))
    """Of the other side, as the channel writes it; like the next only until the courier has taken the update in."""
    bsuid: Mapped[str | None] = mapped_column(String(140))
    fields: Mapped[dict[str, str] | None]
    """What the update says besides, by kind (`notifications/whatsapp/events.py`); the id of a file is not kept longer
    than the address."""
    received_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]


def queue(session: Session, *, request: DocumentRequest, link: UploadLink, purpose: Purpose, now: datetime) -> Message:
    """Put a message into the outbox, in the transaction of its cause.

    The courier chooses the channel when it sends: whoever queues a message need not see an address.
    """
    message = Message(
        org_id=request.org_id,
        case_id=request.case_id,
        request=request,
        link=link,
        purpose=purpose,
        created_at=now,
        changed_at=now,
        due_at=now,
    )
    session.add(message)
    session.flush()
    return message


def messages_of_request(session: Session, request_id: str) -> list[Message]:
    """Return a request's messages, oldest first."""
    return list(session.scalars(select(Message).where(Message.request_id == request_id).order_by(Message.created_at)))


def has_left(session: Session, request_id: str) -> bool:
    """Whether a message of this request, but for codes, was taken by its channel and has not failed since."""
    left = [state for state, rank in RANK.items() if rank >= RANK[MessageState.ACCEPTED]]
    wanted = select(Message.id).where(Message.request_id == request_id, Message.purpose != Purpose.CODE)
    return session.scalars(wanted.where(Message.state.in_(left)).limit(1)).first() is not None


def state_of(session: Session, message_id: str) -> MessageState:
    """Return how far a message came. Reads nothing else of it: the public portal may not."""
    return MessageState(session.scalars(select(Message.state).where(Message.id == message_id)).one())
