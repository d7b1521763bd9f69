"""Answering: a chat is told once what it has to know, inside the window that the customer opened.

Rules: what is to be said leaves the row before it leaves us, so that an answer whose fate is unknown is never given
twice; the customer's own open link is derived for this one answer and stored nowhere; nobody gets a link that was not
theirs already, and none goes to a number that may have a new owner. Whoever said "no more" is told that and no more.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from audit import Event, record
from notifications.chatting.texts import Reply, reply
from notifications.delivery.composing import Tools, spoken
from notifications.senders import opened
from notifications.whatsapp.client import Accepted, CloudApi, NotSent, Refused, Sender, SendOutcome, Unknown
from notifications.whatsapp.errors import InvalidMessage, backoff
from records.cases import Party
from records.chats import GATHER, Answer, ChatWindow
from records.links import UploadLink, newest_link
from records.messages import Channel, Message, MessageAttempt
from records.optouts import address_key, refuses
from records.organizations import Organization
from records.requests import RequestState
from records.senders import WhatsAppSender
from storage.database import new_id
from storage.due import Lease, renew, settle

log = structlog.get_logger(__name__)

ACTOR = "courier"
OPEN = (RequestState.REQUESTED, RequestState.OPENED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    post: Callable[[], SendOutcome]
    linked: bool


def answer(tools: Tools, held: Lease) -> None:
    """Give the answer that one chat waits for, if it still may be given; fenced by the lease."""
    ready = _begin(tools, held)
    if ready is None:
        return
    try:
        outcome: SendOutcome | InvalidMessage = ready.post()
    except InvalidMessage as invalid:
        outcome = invalid
    _finish(tools, held, ready, outcome)


def _begin(tools: Tools, held: Lease) -> _Ready | None:
    now = tools.clock()
    with tools.database.transaction() as session:
        renew(session, ChatWindow, held, now=now)
        window = session.get_one(ChatWindow, held.id, populate_existing=True)
        wants, cut_off = window.wants, window.posting is not None
        window.posting = None
        if cut_off or wants is None or not _may_be_told(session, window, Answer(wants), now):
            window.wants = wants if cut_off else None  # what was asked for since the cut
            settle(session, ChatWindow, held, due_at=now if cut_off and wants is not None else None)
            return None
        window.wants, window.answered, window.answered_at = None, wants, now
        window.posting = new_id()
        return _compose(tools, session, window, Answer(wants), now)


def _may_be_told(session: Session, window: ChatWindow, wants: Answer, now: datetime) -> bool:
    if now >= window.until:
        return False
    said_no = refuses(session, org_id=window.org_id, addresses=(window.phone, window.bsuid))
    return said_no == (wants is Answer.FAREWELL)


def _compose(tools: Tools, session: Session, window: ChatWindow, wants: Answer, now: datetime) -> _Ready:
    row = session.get_one(WhatsAppSender, window.sender_id)
    sender = opened(tools.box, row)
    organization = session.get_one(Organization, window.org_id)
    about = session.get(Message, window.message_id) if window.message_id is not None else None
    url = _own_link(tools, session, window, about, now) if about is not None else None
    text = reply(
        wants,
        about.request.party.locale if about is not None else organization.locale,
        company=spoken(organization.name),
        contact=" · ".join(each for each in (organization.contact_phone, organization.contact_email) if each),
        linked=url is not None,
    )
    post = _Post(api=tools.api, sender=sender, to=window.recipient(), wamid=window.wamid, opaque=str(window.posting))
    return _Ready(post=lambda: post(text, url), linked=url is not None and bool(text.label))


def _own_link(tools: Tools, session: Session, window: ChatWindow, about: Message, now: datetime) -> str | None:
    """Return the address of the customer's open link; a new one is never made here."""
    request = about.request
    link = newest_link(session, request.id)
    if request.state not in OPEN or request.party.verify_since is not None or link is None:
        return None
    if not link.accepts_activation(now) or not _is_theirs(session, window, link, request.party):
        return None
    return f"{tools.public_url}/s/{tools.token(link.id)}"


def _is_theirs(session: Session, window: ChatWindow, link: UploadLink, party: Party) -> bool:
    """Whether a link is that of who wrote: an address may have been corrected since we wrote to this chat.

    It is where the link last went on WhatsApp; where it did not go there yet, the customer's address says it.
    """
    last = session.execute(
        select(MessageAttempt.recipient, MessageAttempt.recipient_user)
        .join(Message, Message.id == MessageAttempt.message_id)
        .where(Message.link_id == link.id, MessageAttempt.channel == Channel.WHATSAPP)
        .where(or_(MessageAttempt.recipient.is_not(None), MessageAttempt.recipient_user.is_not(None)))
        .order_by(MessageAttempt.started_at.desc())
        .limit(1)
    ).first()
    theirs = (party.phone, party.bsuid) if last is None else (last.recipient, last.recipient_user)
    known = {address_key(each) for each in theirs if each}
    return bool(known & {address_key(each) for each in (window.phone, window.bsuid) if each})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Post:
    """The calls of one answer: the customer's message is marked as read, then answered."""

    api: CloudApi
    sender: Sender
    to: str
    wamid: str
    opaque: str

    def __call__(self, text: Reply, url: str | None) -> SendOutcome:
        self.api.mark_read(self.sender, wamid=self.wamid)  # a courtesy: whatever comes of it
        if url is None or not text.label:
            return self.api.send_text(self.sender, to=self.to, body=text.body, reply_to=self.wamid, opaque=self.opaque)
        return self.api.send_cta_url(
            self.sender,
            to=self.to,
            header=text.header,
            body=text.body,
            label=text.label,
            footer=text.footer,
            url=url,
            reply_to=self.wamid,
            opaque=self.opaque,
        )


def _finish(tools: Tools, held: Lease, ready: _Ready, outcome: SendOutcome | InvalidMessage) -> None:
    now = tools.clock()
    with tools.database.transaction() as session:
        renew(session, ChatWindow, held, now=now)
        window = session.get_one(ChatWindow, held.id, populate_existing=True)
        window.posting = None
        wait: timedelta | None = None
        match outcome:
            case Accepted():
                _note(session, window, ready, now)
            case NotSent():
                wait = _again(window)
            case Refused(error=error):
                log.info("answer_refused", window=window.id, code=error.code)
                wait = _again(window) if error.rule.same_message_again and not error.rule.page_admin else None
            case Unknown() | InvalidMessage():  # never twice; a customer who waits writes again
                log.info("answer_lost", window=window.id, why=type(outcome).__name__)
        if wait is None and window.wants is not None:
            wait = GATHER  # asked for while this one was on its way
        settle(session, ChatWindow, held, due_at=now + wait if wait is not None else None)


def _again(window: ChatWindow) -> timedelta | None:
    """Say it again later, since it never left."""
    window.tries += 1
    wait = backoff(window.tries, jitter=random.random())  # noqa: S311 (jitter)
    if wait is not None:
        window.wants = window.wants or window.answered
    return wait


def _note(session: Session, window: ChatWindow, ready: _Ready, now: datetime) -> None:
    about = session.get(Message, window.message_id) if window.message_id is not None else None
    record(
        session,
        Event.COURIER_CHAT_ANSWERED,
        org_id=window.org_id,
        actor_id=ACTOR,
        subject_id=window.id,
        case_id=about.case_id if about is not None else None,
        details={"answer": str(window.answered), "link": ready.linked},
        now=now,
    )
