"""Chats: what a customer wrote or sent into the chat. Files are never asked for; the chat is told where they belong.

Rules: a customer is recognized by the address that the platform reported for a message of ours, or by answering one of
them; never by the number that somebody typed. Nobody else gets a link. What we do not understand is answered like any
other text, once, with the way to a person.
"""

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from audit import Event, record
from audit.events import ActorKind
from records.chats import Answer, ChatWindow, open_window
from records.contacts import doubt
from records.interceptions import InterceptedFile
from records.messages import Channel, InboundEvent, Message, MessageAttempt
from records.optins import Evidence, OptInSource, note_opt_in
from records.optouts import lift_opt_out, opt_out
from records.requests import RequestState
from records.senders import WhatsAppSender
from storage.database import new_id

ACTOR = "courier"
FILES = frozenset({"image", "document", "video", "audio", "voice"})
WITHHELD = {"131051": "unsupported", "131052": "too_large"}
"""What the platform itself does not hand out: something it cannot show, a file over 100 MB."""
SILENT = frozenset({"reaction", "system"})
"""What wants no answer."""
IDENTITY = frozenset({"user_changed_number", "user_changed_user_id", "customer_identity_changed"})
OPEN = (RequestState.REQUESTED, RequestState.OPENED)
CANDIDATES = 20


def take_in(session: Session, event: InboundEvent, now: datetime) -> None:
    """Let one chat message have its effect."""
    fields = event.fields or {}
    kind = fields.get("type", "")
    ours = _messages_of(session, event)
    if fields.get("system") in IDENTITY:
        _doubt(session, ours, now)
        return
    window = _window(session, event, now)
    if window is not None and ours:
        window.message_id = _about(ours).id
    what = WITHHELD.get(event.error or "") or ("unsupported" if kind == "unsupported" else kind)
    is_file = what in FILES or what in WITHHELD.values()
    if is_file:
        _intercept(session, event, what, ours, now)
    if window is None or kind in SILENT:
        return
    if fields.get("stop"):
        _stop(session, event, ours, now)
        window.ask_for(Answer.FAREWELL, now=now)
    elif fields.get("start"):
        window.ask_for(Answer.WELCOME if _start(session, event, window, ours, now) else Answer.HINT, now=now)
    else:
        window.ask_for(Answer.FILE if is_file else Answer.HINT, now=now)


def _window(session: Session, event: InboundEvent, now: datetime) -> ChatWindow | None:
    return open_window(
        session,
        org_id=event.org_id,
        sender_id=_sender_id(session, event),
        phone=_digits(event.phone),
        bsuid=event.bsuid,
        wamid=event.wamid or "",
        said_at=min(event.at or now, now),
    )


def _sender_id(session: Session, event: InboundEvent) -> str:
    """The number that the customer wrote to: one webhook address may serve several numbers of a company."""
    number = (event.fields or {}).get("phone_number_id")
    wanted = select(WhatsAppSender.id).where(
        WhatsAppSender.phone_number_id == number, WhatsAppSender.org_id == event.org_id
    )
    return session.scalar(wanted) or event.sender_id


def _messages_of(session: Session, event: InboundEvent) -> list[Message]:
    """Return our messages that went to who wrote, newest first; the one that they answered before all others."""
    known = [
        column == value
        for column, value in (
            (MessageAttempt.recipient, _digits(event.phone)),
            (MessageAttempt.recipient_user, event.bsuid),
        )
        if value
    ]
    answered = (event.fields or {}).get("reply_to")
    strangers = or_(MessageAttempt.recipient.is_not(None), MessageAttempt.recipient_user.is_not(None))
    if answered:  # a message that is not known to have gone to somebody else
        known.append((MessageAttempt.wamid == answered) & ~strangers)
    if not known:
        return []
    found = session.scalars(
        select(Message)
        .join(MessageAttempt, MessageAttempt.message_id == Message.id)
        .where(Message.org_id == event.org_id, MessageAttempt.channel == Channel.WHATSAPP, or_(*known))
        .order_by(MessageAttempt.started_at.desc())
        .limit(CANDIDATES)
    ).unique()
    return sorted(dict.fromkeys(found), key=lambda message: message.wamid != answered if answered else False)


def _about(ours: list[Message]) -> Message:
    """The newest message whose request is still open, else the newest."""
    return next((message for message in ours if message.request.state in OPEN), ours[0])


def _intercept(session: Session, event: InboundEvent, what: str, ours: list[Message], now: datetime) -> None:
    """Keep that a file came, in the case it is probably about, and have the platform delete it."""
    fields, about = event.fields or {}, _about(ours) if ours else None
    media_id, size = fields.get("media_id", "")[:128] or None, fields.get("size", "")
    row = InterceptedFile(
        id=new_id(),
        org_id=event.org_id,
        sender_id=_sender_id(session, event),
        case_id=about.case_id if about is not None else None,
        request_id=about.request_id if about is not None else None,
        wamid=event.wamid,
        type=what,
        mime=fields.get("mime", "")[:120] or None,
        sha256=fields.get("sha256", "")[:88] or None,
        size=int(size) if size.isascii() and size.isdecimal() and len(size) < 16 else None,
        media_id=media_id,
        hint=(_digits(event.phone) or "")[-4:] or None if about is None else None,
        at=min(event.at or now, now),
        due_at=now if media_id is not None else None,
    )
    session.add(row)
    session.flush()
    record(
        session,
        Event.GATEWAY_CHAT_DOCUMENT_INTERCEPTED,
        org_id=event.org_id,
        actor_id=ACTOR,
        subject_id=row.id,
        case_id=row.case_id,
        details={"type": what, **({"request": row.request_id} if row.request_id else {})},
        now=now,
    )


def _stop(session: Session, event: InboundEvent, ours: list[Message], now: datetime) -> None:
    """Hear "no more" for the addresses that we write to, where the platform tells of the person by another alone."""
    if event.phone is not None:  # the gateway has heard it for their phone
        return
    for party in {message.request.party.id: message.request.party for message in ours}.values():
        addresses = [each for each in (party.phone, party.bsuid) if each]
        opt_out(session, org_id=event.org_id, addresses=addresses, said_at=min(event.at or now, now))


def _start(session: Session, event: InboundEvent, window: ChatWindow, ours: list[Message], now: datetime) -> bool:
    """Hear a person who wants messages again; False when there was no "no", or what they said last still is."""
    said_at = min(event.at or now, now)
    parties = list({message.request.party.id: message.request.party for message in ours}.values())
    addresses = [window.phone, window.bsuid, *(each for party in parties for each in (party.phone, party.bsuid))]
    if not lift_opt_out(session, org_id=event.org_id, addresses=addresses, said_at=said_at):
        return False
    evidence = Evidence(untrusted_text="ALTA", source=OptInSource.CHAT, untrusted_at=said_at)
    for party in parties:
        note_opt_in(session, party, evidence, actor=ActorKind.GATEWAY, actor_id=ACTOR, now=now)
    if not parties:
        record(
            session,
            Event.GATEWAY_CONTACT_OPTED_IN,
            org_id=event.org_id,
            actor_id=ACTOR,
            subject_id=event.id,
            details={"source": OptInSource.CHAT.value},
            now=now,
        )
    return True


def _doubt(session: Session, ours: list[Message], now: datetime) -> None:
    """The number or its owner changed: every link that went there closes until a person has made sure."""
    for request in {message.request.id: message.request for message in ours}.values():
        if request.state in OPEN:
            doubt(session, request, now=now)


def _digits(phone: str | None) -> str | None:
    return phone.lstrip("+") if phone else None
