"""The messages that need somebody's eyes: what waits, is held, has failed or was never confirmed, and why.

Only for the cases that a member may see. A failed message that a newer one of its request replaced is history.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from records import channels
from records.breakers import Breaker
from records.cases import Case, CaseState
from records.handling import may_cancel, may_go_again
from records.messages import Channel, Message, MessageState, Purpose, WaitReason
from records.people import Member
from records.policy import Action, require, visible_cases
from records.requests import DocumentRequest, RequestState

PAGE = 50
HELD = (WaitReason.SENDER, WaitReason.TEMPLATE, WaitReason.RECIPIENT, WaitReason.VERIFY)
"""What somebody must act on; the other reasons pass by themselves."""


class Pile(StrEnum):
    """What the page can be narrowed to."""

    FAILED = "failed"
    UNKNOWN = "unknown"
    HELD = "held"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """One message, why it is where it is, and what may be done with it."""

    message: Message
    case: Case
    person: str
    why: str | None
    """Code of the channel or of ours; for a held one that of its breaker."""
    again: bool
    cancel: bool
    others: tuple[Channel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One pile, the longest waiting first, and the size of each."""

    pile: Pile
    lines: tuple[Stuck, ...]
    counts: dict[Pile, int]


def stuck_messages(session: Session, member: Member, pile: Pile | None, *, now: datetime) -> Board:
    """Return one pile, by default the first that is not empty. Raises Forbidden."""
    require(member, Action.HANDLE_MESSAGES)
    wanted = and_(visible_cases(member), Case.state == CaseState.OPEN, Message.purpose != Purpose.CODE)
    counted = [func.sum(case((_in(one), 1), else_=0)).label(one.value) for one in Pile]
    row = session.execute(_joined(select(*counted)).where(wanted)).one()
    counts = {one: int(getattr(row, one.value) or 0) for one in Pile}
    shown = pile or next((one for one in Pile if counts[one]), Pile.FAILED)
    query = _joined(select(Message)).where(wanted, _in(shown)).order_by(Message.changed_at, Message.id).limit(PAGE)
    return Board(
        pile=shown,
        lines=tuple(explained(session, message, now=now) for message in session.scalars(query)),
        counts=counts,
    )


def explained(session: Session, message: Message, *, now: datetime) -> Stuck:
    """Say why a message is where it is, and what may be done with it."""
    breaker = session.get(Breaker, message.held_by) if message.held_by is not None else None
    again = may_go_again(message, now)
    return Stuck(
        message=message,
        case=message.request.case,
        person=message.request.party.name,
        why=breaker.reason if breaker is not None else message.error,
        again=again,
        cancel=may_cancel(message, now),
        others=tuple(channels.other_channels(session, message)) if again else (),
    )


def _joined(query: Select[Any]) -> Select[Any]:
    return (
        query.select_from(Message)
        .join(DocumentRequest, DocumentRequest.id == Message.request_id)
        .join(Case, Case.id == Message.case_id)
    )


def _in(pile: Pile) -> ColumnElement[bool]:
    newer = aliased(Message)
    replaced = exists().where(
        newer.request_id == Message.request_id, newer.purpose != Purpose.CODE, newer.created_at > Message.created_at
    )
    wanted = DocumentRequest.state.in_((RequestState.REQUESTED, RequestState.OPENED))
    queued = and_(Message.state == MessageState.QUEUED, Message.waits_for.is_not(None))
    match pile:
        case Pile.FAILED:
            return and_(Message.state == MessageState.FAILED, wanted, ~replaced)
        case Pile.UNKNOWN:
            return and_(Message.state == MessageState.UNKNOWN, wanted, ~replaced)
        case Pile.HELD:
            return and_(queued, Message.waits_for.in_(HELD))
        case Pile.WAITING:
            return and_(queued, or_(Message.waits_for.is_(None), Message.waits_for.not_in(HELD)))
