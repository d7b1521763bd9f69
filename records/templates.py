"""Message templates of a WhatsApp account: what we want there, and what the platform made of it.

The platform decides: `status`, `category` and `quality` are its words, brought by webhook and by re-synchronising, and
written by the courier alone. The console writes wishes (`wish`, the words of a draft, the standby) and the courier
carries them out. Of an account that was never synchronised nothing is known, and its templates are sent as they are
asked for; once it was, only what the platform approved leaves.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, false, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from storage.database import Base, NewId
from storage.due import Due

RESYNC_GAP = timedelta(minutes=5)
"""Shortest time between two readings of one account's list that were asked for by refused messages."""
EDITS_A_DAY, EDITS_A_MONTH = 1, 10
"""How often an approved template may be edited in 24 hours and in 30 days. Source: platform, message templates."""


class TemplateStatus(StrEnum):
    """DRAFT is ours: not at the platform yet. UNKNOWN is a word of the platform that we do not know: not sent."""

    DRAFT = "draft"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    PAUSED = "paused"
    DISABLED = "disabled"
    IN_APPEAL = "in_appeal"
    ARCHIVED = "archived"
    LIMIT_EXCEEDED = "limit_exceeded"
    DELETED = "deleted"
    PENDING_DELETION = "pending_deletion"
    UNKNOWN = "unknown"


class TemplateWish(StrEnum):
    """What the courier is to do with a template."""

    SUBMIT = "submit"
    DELETE = "delete"


class TemplateAccount(Due, Base):
    """One WhatsApp Business account of a company. Due: its list of templates is to be read again."""

    __tablename__ = "template_accounts"
    __table_args__ = (UniqueConstraint("org_id", "waba_id"), Index(None, "due_at", "lease_until"))

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    waba_id: Mapped[str] = mapped_column(String(64))
    synced_at: Mapped[datetime | None]
    """When its whole list was read last; missing: never."""
    error: Mapped[str | None] = mapped_column(String(60))
    """Why the last reading failed."""
    refuse_marketing: Mapped[bool] = mapped_column(server_default=false())
    """A template that the platform moves to MARKETING is not sent any more."""
    hour: Mapped[datetime | None]
    calls: Mapped[int] = mapped_column(server_default="0")
    """Management calls in that hour."""


class MessageTemplate(Due, Base):
    """One template in one language. Due: its wish waits for the courier."""

    __tablename__ = "message_templates"
    __table_args__ = (UniqueConstraint("account_id", "name", "language"), Index(None, "due_at", "lease_until"))

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("template_accounts.id"))
    name: Mapped[str] = mapped_column(String(120))
    language: Mapped[str] = mapped_column(String(10))
    wanted_category: Mapped[str] = mapped_column(String(20))
    body: Mapped[str] = mapped_column(Text)
    """The words to submit, or that were submitted; empty where the platform writes them itself."""
    footer: Mapped[str] = mapped_column(String(60))
    label: Mapped[str] = mapped_column(String(25))
    standby_name: Mapped[str | None] = mapped_column(String(120))
    """Template of the same language that is sent while this one may not be."""
    wish: Mapped[TemplateWish | None] = mapped_column(String(10))
    changed_at: Mapped[datetime]
    """Of the words or the wish."""
    status: Mapped[TemplateStatus] = mapped_column(String(20), server_default=TemplateStatus.DRAFT)
    category: Mapped[str | None] = mapped_column(String(20))
    coming_category: Mapped[str | None] = mapped_column(String(20))
    """The one that the platform announced to move it to."""
    quality: Mapped[str | None] = mapped_column(String(10))
    remote_id: Mapped[str | None] = mapped_column(String(64), index=True)
    reason: Mapped[str | None] = mapped_column(String(120))
    """Why the platform rejected, paused or disabled it."""
    error: Mapped[str | None] = mapped_column(String(60))
    """Code of the last refusal of our own call."""
    submitted_sha256: Mapped[str | None] = mapped_column(String(64))
    """Of the components that were submitted last."""
    remote_sha256: Mapped[str | None] = mapped_column(String(64))
    """Of the components that the platform showed last."""
    submitted_at: Mapped[datetime | None]
    status_at: Mapped[datetime | None]
    """When the platform's word came last."""
    edits: Mapped[list[str] | None]
    """Times of the edits of the last 30 days, ISO 8601."""
    account: Mapped[TemplateAccount] = relationship()

    @property
    def drifted(self) -> bool:
        """Whether the platform moved it to a category that was not asked for."""
        return self.category is not None and self.category != self.wanted_category

    @property
    def differs(self) -> bool:
        """Whether somebody changed it at the platform: its words or address are not the ones that were submitted."""
        return None not in (self.submitted_sha256, self.remote_sha256) and self.submitted_sha256 != self.remote_sha256

    def may_leave(self) -> bool:
        """Whether messages may be sent with it now."""
        if self.status != TemplateStatus.APPROVED:
            return False
        return not (self.account.refuse_marketing and self.drifted)

    def next_edit(self, now: datetime) -> datetime:
        """Return when an edit of it is allowed: now, or as soon as the platform's count lets one through."""
        made = sorted(datetime.fromisoformat(each) for each in self.edits or ())
        free = [now]
        for most, span in ((EDITS_A_DAY, timedelta(hours=24)), (EDITS_A_MONTH, timedelta(days=30))):
            recent = [each for each in made if each > now - span]
            if len(recent) >= most:
                free.append(recent[-most] + span)
        return max(free)


def account_of(session: Session, org_id: str, waba_id: str) -> TemplateAccount | None:
    """Return what is kept of an account."""
    return session.scalars(select(TemplateAccount).filter_by(org_id=org_id, waba_id=waba_id)).first()


def sendable(session: Session, *, org_id: str, waba_id: str, name: str, language: str) -> bool:
    """Whether a message may be sent with this template now."""
    account = account_of(session, org_id, waba_id)
    if account is None or account.synced_at is None:
        return True
    found = select(MessageTemplate).filter_by(account_id=account.id, name=name, language=language)
    template = session.scalars(found).first()
    return template is not None and template.may_leave()


def standby_for(session: Session, *, org_id: str, waba_id: str, name: str, language: str) -> tuple[str, str] | None:
    """Return name and language of what may be sent instead, None when nothing may.

    First the standby of the template, then the same template and its standby in another country's words: never in
    another language.
    """
    account = account_of(session, org_id, waba_id)
    if account is None or account.synced_at is None:
        return None
    rows = {
        (row.name, row.language): row for row in session.scalars(select(MessageTemplate).filter_by(account=account))
    }
    tongue = language.partition("_")[0]
    tongues = sorted((each for _, each in rows if each.partition("_")[0] == tongue), key=lambda each: each != language)
    for other in dict.fromkeys((language, *tongues)):
        own = rows.get((name, language)) or rows.get((name, other))
        for candidate in (name, own.standby_name if own is not None else None):
            row = rows.get((candidate, other)) if candidate is not None else None
            if row is not None and row.may_leave() and (candidate, other) != (name, language):
                return row.name, row.language
    return None


def ask_resync(session: Session, *, org_id: str, waba_id: str, now: datetime) -> None:
    """Let the courier read an account's templates again soon; an account that nobody set up here stays unknown."""
    found = select(TemplateAccount).filter_by(org_id=org_id, waba_id=waba_id).with_for_update(skip_locked=True)
    account = session.scalars(found).first()
    if account is None:  # or somebody works on it, and whoever asks will ask again
        return
    soon = now if account.synced_at is None else max(now, account.synced_at + RESYNC_GAP)
    if account.due_at is None or account.due_at > soon:
        account.due_at = soon
