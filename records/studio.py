"""The template studio: what an administrator asks for, at the console or at the command line.

Rules: nothing here talks to the platform; a wish and its event commit together and the courier carries it out. Rows are
inserted without any of the columns that hold the platform's word. Locks are taken in the order account, template.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from audit import Event, record
from audit.events import ActorKind
from records.errors import NotFound, WrongState
from records.senders import WhatsAppSender
from records.templates import MessageTemplate, TemplateAccount, TemplateStatus, TemplateWish, account_of
from storage.database import new_id

UNDER_REVIEW = frozenset({TemplateStatus.PENDING, TemplateStatus.IN_APPEAL, TemplateStatus.PENDING_DELETION})
"""The platform takes no edit meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who asks: a member at the console, or the operator at the command line."""

    kind: ActorKind
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One template in one language as it is to be registered; empty words where the platform writes them itself."""

    name: str
    language: str
    category: str
    label: str
    body: str = ""
    footer: str = ""
    standby: str | None = None


def accounts(session: Session, org_id: str) -> dict[str, TemplateAccount | None]:
    """Return the WhatsApp accounts of a company's numbers with what is kept of each."""
    wabas = session.scalars(select(WhatsAppSender.waba_id).where(WhatsAppSender.org_id == org_id).distinct())
    return {waba_id: account_of(session, org_id, waba_id) for waba_id in sorted(wabas)}


def templates(session: Session, org_id: str) -> list[MessageTemplate]:
    """Return every template of a company."""
    found = select(MessageTemplate).where(MessageTemplate.org_id == org_id)
    return list(session.scalars(found.order_by(MessageTemplate.name, MessageTemplate.language, MessageTemplate.id)))


def template(session: Session, org_id: str, template_id: str) -> MessageTemplate:
    """Return one template of a company. Raises NotFound."""
    found = session.get(MessageTemplate, template_id)
    if found is None or found.org_id != org_id:
        raise NotFound(f"message template {template_id}")
    return found


def open_account(session: Session, author: Author, org_id: str, waba_id: str, *, now: datetime) -> TemplateAccount:
    """Begin to keep an account's templates, or read them again now. Raises NotFound where no number belongs to it."""
    if waba_id not in accounts(session, org_id):
        raise NotFound("there is no number of this account")
    account = account_of(session, org_id, waba_id)
    if account is None:
        session.execute(
            insert(TemplateAccount).values(id=new_id(), org_id=org_id, waba_id=waba_id, due_at=now)
        )  # names what may be asked
        account = account_of(session, org_id, waba_id)
    if account is None:
        raise NotFound("the account")
    account.due_at = now
    _note(session, author, "template_account:synced", account.id, org_id, now)
    return account


def register(
    session: Session, author: Author, account: TemplateAccount, wordings: Iterable[Wording], *, now: datetime
) -> int:
    """Ask for the templates that the account does not have yet; return how many."""
    known = {
        (each.name, each.language)
        for each in session.scalars(select(MessageTemplate).where(MessageTemplate.account_id == account.id))
    }
    missing = [each for each in wordings if (each.name, each.language) not in known]
    for each in missing:
        row = new_id()
        session.execute(
            insert(MessageTemplate).values(
                id=row,
                org_id=account.org_id,
                account_id=account.id,
                name=each.name,
                language=each.language,
                wanted_category=each.category,
                body=each.body,
                footer=each.footer,
                label=each.label,
                standby_name=each.standby,
                wish=TemplateWish.SUBMIT,
                changed_at=now,
                due_at=now,
            )
        )
        _note(session, author, "message_template:submitted", row, account.org_id, now, language=each.language)
    return len(missing)


def submit(
    session: Session,
    author: Author,
    found: MessageTemplate,
    *,
    body: str,
    footer: str,
    label: str,
    now: datetime,
) -> None:
    """Let the courier submit other words, which must have passed the linter. Raises WrongState while it is reviewed."""
    if found.status in UNDER_REVIEW or found.wish == TemplateWish.DELETE:
        raise WrongState(f"message template {found.id} is {found.status}")
    found.body, found.footer, found.label = body, footer, label
    _wish(found, TemplateWish.SUBMIT, now)
    _note(session, author, "message_template:submitted", found.id, found.org_id, now, language=found.language)


def delete(session: Session, author: Author, found: MessageTemplate, *, now: datetime) -> None:
    """Let the courier delete a template at the platform. Raises WrongState where it is not there."""
    if found.remote_id is None:
        raise WrongState(f"message template {found.id} is not at the platform")
    _wish(found, TemplateWish.DELETE, now)
    _note(session, author, "message_template:deleted", found.id, found.org_id, now)


def stand_by(
    session: Session, author: Author, found: MessageTemplate, *, untrusted_name: str | None, now: datetime
) -> None:
    """Choose the template that is sent while this one may not be. Raises NotFound for one of another account."""
    name = untrusted_name or None
    if name is not None and name not in standbys(session, found):
        raise NotFound("the standby")
    if name != found.standby_name:
        found.standby_name = name
        _note(session, author, "message_template:standby_set", found.id, found.org_id, now)


def standbys(session: Session, found: MessageTemplate) -> list[str]:
    """Return the names of what may stand in for a template: its account's others of the same category and language."""
    others = select(MessageTemplate.name).where(
        MessageTemplate.account_id == found.account_id,
        MessageTemplate.language == found.language,
        MessageTemplate.wanted_category == found.wanted_category,
        MessageTemplate.id != found.id,
    )
    return sorted(session.scalars(others))


def refuse_marketing(
    session: Session, author: Author, account: TemplateAccount, *, refuse: bool, now: datetime
) -> None:
    """Decide whether a template that the platform moves to MARKETING is sent any more."""
    if account.refuse_marketing != refuse:
        account.refuse_marketing = refuse
        _note(session, author, "template_account:changed", account.id, account.org_id, now, refuse_marketing=refuse)


def _wish(found: MessageTemplate, wish: TemplateWish, now: datetime) -> None:
    found.wish, found.changed_at, found.due_at = wish, now, now


def _note(
    session: Session, author: Author, what: str, subject_id: str, org_id: str, now: datetime, **details: str | bool
) -> None:
    record(
        session,
        Event(f"{author.kind}:{what}"),
        org_id=org_id,
        actor_id=author.id,
        subject_id=subject_id,
        details=details,
        now=now,
    )
