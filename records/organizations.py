"""Organizations (the tenants), their teams and their versioned privacy notices."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from records.errors import NotFound
from storage.database import Base, NewId

DAY_FILES, DAY_BYTES, DAY_ATTEMPTS = 20_000, 400 * 1024**3, 80_000
"""What all customers of one organization may send in a day, unless its row says otherwise."""
CASE_FILES, CASE_BYTES, CASE_ATTEMPTS = 500, 20 * 1024**3, 2_000
"""What may be sent into one case in its whole life, unless the row of its organization says otherwise."""


class Organization(Base):
    """A company that asks its customers for documents. Its root key lives in the keyring under this id."""

    __tablename__ = "organizations"

    id: Mapped[NewId]
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    locale: Mapped[str] = mapped_column(String(10), default="es")
    country: Mapped[str] = mapped_column(String(2), default="MX")
    timezone: Mapped[str] = mapped_column(String(40), default="America/Mexico_City")
    contact_phone: Mapped[str | None] = mapped_column(String(20))
    contact_email: Mapped[str | None] = mapped_column(String(254))
    mail_from: Mapped[str | None] = mapped_column(String(254))
    """Address that mails to customers come from; without it none are sent."""
    flag_active_pdfs: Mapped[bool] = mapped_column(default=False)
    """PDFs with scripts or actions are filed with a remark instead of refused."""
    flag_pdf_attachments: Mapped[bool] = mapped_column(default=False)
    """PDFs with clean attachments are filed with a remark instead of refused."""
    accept_office: Mapped[bool] = mapped_column(default=False)
    """Its templates may ask for office documents (DOCX, XLSX) without macros."""
    created_at: Mapped[datetime]
    quota_day: Mapped[date | None] = mapped_column(Date)
    """The UTC day that the used_* columns count; see records/quotas.py."""
    used_files: Mapped[int] = mapped_column(default=0)
    used_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    used_attempts: Mapped[int] = mapped_column(default=0)
    max_files: Mapped[int] = mapped_column(default=DAY_FILES)
    max_bytes: Mapped[int] = mapped_column(BigInteger, default=DAY_BYTES)
    max_attempts: Mapped[int] = mapped_column(default=DAY_ATTEMPTS)
    case_max_files: Mapped[int] = mapped_column(default=CASE_FILES)
    case_max_bytes: Mapped[int] = mapped_column(BigInteger, default=CASE_BYTES)
    case_max_attempts: Mapped[int] = mapped_column(default=CASE_ATTEMPTS)


class Team(Base):
    """A group of executives who share their cases."""

    __tablename__ = "teams"
    __table_args__ = (UniqueConstraint("org_id", "name"),)

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))


class PrivacyNotice(Base):
    """One version of the company's privacy notice (aviso de privacidad), never changed once published.

    `short` (simplificado) and `full` (integral) map a language (es, en, pt) to plain text.
    """

    __tablename__ = "privacy_notices"
    __table_args__ = (UniqueConstraint("org_id", "version"),)

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    version: Mapped[int]
    short: Mapped[dict[str, str]]
    full: Mapped[dict[str, str]]
    published_at: Mapped[datetime]


def current_notice(session: Session, org_id: str) -> PrivacyNotice:
    """Return the newest published notice. Raises NotFound: without a notice nothing may be asked for."""
    notice = session.scalars(
        select(PrivacyNotice).where(PrivacyNotice.org_id == org_id).order_by(PrivacyNotice.version.desc()).limit(1)
    ).first()
    if notice is None:
        raise NotFound(f"organization {org_id} has no privacy notice")
    return notice


def in_language(texts: dict[str, str], language: str) -> str:
    """Pick a text by language; Spanish where it is missing."""
    return texts.get(language) or texts["es"]
