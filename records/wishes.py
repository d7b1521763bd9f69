"""Wishes for a new link: who holds a closed one asks, and only the number or address on file gets an answer.

Rules: the public portal writes the wish and nothing else; the courier decides again, issues and sends. A revoked link,
and a request that is over, bring nothing. Once in 15 minutes and three times a day per request, claimed in the row.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, case, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit import Event, record
from records.cases import CaseState
from records.channels import may_write_to
from records.links import UploadLink, issue, newest_link
from records.messages import Message, MessageState, Purpose, messages_of_request, queue
from records.requests import DocumentRequest, RequestState, SendMode
from storage.database import Base, NewId, new_id
from storage.due import Due

SPACING = timedelta(minutes=15)
DAY = timedelta(days=1)
MOST_A_DAY = 3
ACTOR = "courier"


class LinkWish(Due, Base):
    """That somebody with a link of a request wants a new one. One row a request; `due_at` asks the courier."""

    __tablename__ = "link_wishes"

    id: Mapped[NewId]
    request_id: Mapped[str] = mapped_column(ForeignKey("document_requests.id"), unique=True)
    link_id: Mapped[str] = mapped_column(ForeignKey("upload_links.id"))
    """The closed link that was shown last."""
    asked_at: Mapped[datetime]
    since: Mapped[datetime]
    """Begin of the day in which `asked` counts."""
    asked: Mapped[int]


def may_wish(session: Session, link_id: str, now: datetime) -> bool:
    """Whether a link is closed in a way that a new one may follow: expired, superseded or opened too often."""
    link = session.get(UploadLink, link_id)
    if link is None or link.accepts_activation(now):
        return False
    return _worth_a_link(session, link.request) and link.revoked_at is None


def wish(session: Session, link_id: str, *, now: datetime) -> bool:
    """Ask for a new link and leave a trace; False when it was asked for too often. The caller has asked `may_wish`."""
    link = session.get_one(UploadLink, link_id)
    if not (_first(session, link, now) or _again(session, link, now)):
        return False
    record(
        session,
        Event.CUSTOMER_LINK_WISHED,
        org_id=link.org_id,
        actor_id=link.id,
        subject_id=link.request_id,
        case_id=link.case_id,
        now=now,
    )
    return True


def grant(session: Session, wished: LinkWish, *, now: datetime) -> Message | None:
    """Issue the link and queue its message to the address on file, or leave a trace of why not."""
    request = session.get_one(DocumentRequest, wished.request_id)
    why_not = _reason_to_withhold(session, request)
    if why_not is not None:
        _trace(session, Event.COURIER_LINK_WITHHELD, request, request.id, now, {"reason": why_not})
        return None
    link = issue(session, request, now=now)
    waiting = [
        sent
        for sent in messages_of_request(session, request.id)
        if sent.state == MessageState.QUEUED and sent.purpose != Purpose.CODE  # a code carries no link
    ]
    message = waiting[-1] if waiting else queue(session, request=request, link=link, purpose=Purpose.REQUEST, now=now)
    _trace(session, Event.COURIER_LINK_ISSUED, request, link.id, now, {"message": message.id})
    return message


def _first(session: Session, link: UploadLink, now: datetime) -> bool:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = {"id": new_id(), "request_id": link.request_id, "link_id": link.id, "attempt": 0, "takeovers": 0}
    made = (
        insert(LinkWish)
        .values(**row, asked_at=now, since=now, asked=1, due_at=now)
        .on_conflict_do_nothing(index_elements=["request_id"])
        .returning(LinkWish.id)
    )
    return session.scalar(made) is not None


def _again(session: Session, link: UploadLink, now: datetime) -> bool:
    new_day = LinkWish.since <= now - DAY
    claimed: Any = session.execute(
        update(LinkWish)
        .where(
            LinkWish.request_id == link.request_id,
            LinkWish.asked_at <= now - SPACING,
            or_(new_day, LinkWish.asked < MOST_A_DAY),
        )
        .values(
            link_id=link.id,
            asked_at=now,
            due_at=now,
            since=case((new_day, now), else_=LinkWish.since),
            asked=case((new_day, 1), else_=LinkWish.asked + 1),
        )
        .execution_options(synchronize_session=False)
    )
    return bool(claimed.rowcount == 1)


def _worth_a_link(session: Session, request: DocumentRequest) -> bool:
    """Whether the request still wants something, and nobody has closed its links on purpose."""
    newest = newest_link(session, request.id)
    wanted = request.state in (RequestState.REQUESTED, RequestState.OPENED) and request.case.state == CaseState.OPEN
    return wanted and newest is not None and newest.revoked_at is None


def _reason_to_withhold(session: Session, request: DocumentRequest) -> str | None:
    if not _worth_a_link(session, request):
        return "not_wanted"
    if request.send_mode == SendMode.NONE:
        return "sent_by_others"
    return None if may_write_to(session, request.party) else "opted_out"


def _trace(
    session: Session, event: Event, request: DocumentRequest, subject_id: str, now: datetime, details: dict[str, str]
) -> None:
    record(
        session,
        event,
        org_id=request.org_id,
        actor_id=ACTOR,
        subject_id=subject_id,
        case_id=request.case_id,
        details={"request": request.id, **details},
        now=now,
    )
