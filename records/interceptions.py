"""Files that customers sent into the chat: what is known of them, and who has to look.

Rules: such a file is never asked for. Its row tells that it came (type, size, hash), not what it is called or says; the
platform is asked to forget it, and then we forget its id.
"""

from datetime import datetime, timedelta

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index, String, and_, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit import Event, record
from records.cases import Case
from records.errors import NotFound
from records.people import Member
from records.policy import Action, require, visible_cases
from storage.database import Base, NewId
from storage.due import Due

MEDIA_LIFE = timedelta(days=7)
"""How long the platform keeps a file of a webhook; after that there is nothing left to delete."""
COUNTED = timedelta(days=30)
LISTED = 50


class InterceptedFile(Due, Base):
    """One such file. `due_at` asks the courier to have the platform delete it."""

    __tablename__ = "intercepted_files"
    __table_args__ = (Index(None, "due_at", "lease_until"), Index(None, "org_id", "at"))

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    sender_id: Mapped[str] = mapped_column(ForeignKey("whatsapp_senders.id"))
    case_id: Mapped[str | None] = mapped_column(ForeignKey("cases.id"), index=True)
    """None: nobody whom we wrote to. A person has to look."""
    request_id: Mapped[str | None] = mapped_column(ForeignKey("document_requests.id"))
    wamid: Mapped[str | None] = mapped_column(String(200))
    type: Mapped[str] = mapped_column(String(32))
    """image, document, video, audio, voice; unsupported or too_large where the platform withheld it."""
    mime: Mapped[str | None] = mapped_column(String(120))
    sha256: Mapped[str | None] = mapped_column(String(88))
    """As the platform tells it, base64."""
    size: Mapped[int | None] = mapped_column(BigInteger)
    media_id: Mapped[str | None] = mapped_column(String(128))
    """Until the platform has deleted it."""
    hint: Mapped[str | None] = mapped_column(String(8))
    """Last digits of who sent it, where no case tells."""
    at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    left_at: Mapped[datetime | None]
    """When we gave up asking: the platform's own seven days are over."""
    unknown: Mapped[bool] = mapped_column(default=False)
    """Whether an answer was lost, so that "there is no such file" means that it was deleted."""
    handled_at: Mapped[datetime | None]
    handled_by: Mapped[str | None] = mapped_column(ForeignKey("members.id"))


def files_of_case(session: Session, case_id: str) -> list[InterceptedFile]:
    """Return what came by chat about a case, newest first. Whoever asks may see the case."""
    wanted = select(InterceptedFile).where(InterceptedFile.case_id == case_id)
    return list(session.scalars(wanted.order_by(InterceptedFile.at.desc()).limit(LISTED)))


def count_lately(session: Session, member: Member, *, now: datetime) -> tuple[int, int]:
    """Count what came by chat in the last 30 days, of the cases that a member may see and of nobody's, and of these
    last what still waits for a person. Raises Forbidden."""
    require(member, Action.LIST_CASES)
    lately = select(func.count()).select_from(InterceptedFile).where(InterceptedFile.at > now - COUNTED)
    seen = lately.outerjoin(Case, Case.id == InterceptedFile.case_id).where(_visible(member))
    waiting = select(func.count()).select_from(InterceptedFile).where(_unclaimed(member.org_id))
    return session.scalar(seen) or 0, session.scalar(waiting) or 0


def list_lately(session: Session, member: Member) -> list[tuple[InterceptedFile, Case | None]]:
    """Return the newest files of the cases that a member may see, and all of nobody's first. Raises Forbidden."""
    require(member, Action.LIST_CASES)
    found = session.execute(
        select(InterceptedFile, Case)
        .outerjoin(Case, Case.id == InterceptedFile.case_id)
        .where(_visible(member))
        .order_by(_unclaimed(member.org_id).desc(), InterceptedFile.at.desc())
        .limit(LISTED)
    )
    return [(row.InterceptedFile, row.Case) for row in found]


def handle(session: Session, member: Member, file_id: str, *, now: datetime) -> None:
    """Note that a person took care of a file of nobody's. A second time changes nothing. Raises NotFound, Forbidden."""
    require(member, Action.REQUEST_DOCUMENTS)
    found = session.get(InterceptedFile, file_id, with_for_update=True)
    if found is None or found.org_id != member.org_id or found.case_id is not None:
        raise NotFound(f"file {file_id}")
    if found.handled_at is not None:
        return
    found.handled_at, found.handled_by = now, member.id
    record(
        session,
        Event.STAFF_CHAT_DOCUMENT_HANDLED,
        org_id=found.org_id,
        actor_id=member.id,
        subject_id=found.id,
        now=now,
    )


def _visible(member: Member) -> ColumnElement[bool]:
    nobodys = and_(InterceptedFile.case_id.is_(None), InterceptedFile.org_id == member.org_id)
    return or_(visible_cases(member), nobodys)


def _unclaimed(org_id: str) -> ColumnElement[bool]:
    return and_(
        InterceptedFile.org_id == org_id, InterceptedFile.case_id.is_(None), InterceptedFile.handled_at.is_(None)
    )
