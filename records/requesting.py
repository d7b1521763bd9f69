"""Requesting: a CRM or an executive asks one person for documents; case, party, request, link and message come at once.

Rules: a case is matched by (organization, external reference) only; a person is never matched by phone; without a
published privacy notice nothing may be asked for; the message is queued in the transaction of the request.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import phonenumbers
from sqlalchemy.orm import Session

from audit import Event, record
from records.cases import Case, CaseState, Party, open_case
from records.crm.references import refer
from records.errors import CaseClosed, InvalidValue, NotFound
from records.links import UploadLink, issue
from records.messages import Message, Purpose, queue
from records.optins import Evidence, note_opt_in
from records.organizations import current_notice
from records.reminders import start
from records.requests import DocumentRequest, SendMode, create_request
from records.requirements import current_template

NAME_LENGTH = 120
TITLE_LENGTH = 160
REFERENCE_LENGTH = 120
WORD_LENGTH = 40
LANGUAGES = ("es", "en", "pt")
_LOCAL = re.compile(r"[A-Za-z0-9_+&'=~-]+(\.[A-Za-z0-9_+&'=~-]+)*")
_DOMAIN = re.compile(r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])")
"""The addresses that people have, not all that RFC 5321 allows: no quotes, no comments, no route."""

_BSUID = re.compile(r"[A-Z]{2}\.(ENT\.)?[0-9A-Za-z]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewParty:
    """A person to ask, as somebody typed or sent it; `request_documents` checks every field."""

    untrusted_name: str
    untrusted_phone: str | None
    untrusted_email: str | None = None
    untrusted_bsuid: str | None = None
    """WhatsApp's business-scoped user id, for a person without a visible phone."""
    untrusted_locale: str = "es"
    role: str = "customer"
    opt_in: Evidence | None = None
    """That they agreed to be written to, where somebody says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCase:
    """The case to ask in: the one with this external reference, else a new one."""

    untrusted_title: str
    untrusted_reference: str | None
    team_id: str | None = None
    owner_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """Who asks, and how the trail calls it."""

    id: str
    request_event: Event
    case_event: Event


STAFF_EVENTS = (Event.STAFF_REQUEST_CREATED, Event.STAFF_CASE_CREATED)
CRM_EVENTS = (Event.CRM_REQUEST_CREATED, Event.CRM_CASE_CREATED)


def request_documents(
    session: Session,
    *,
    org_id: str,
    country: str,
    requester: Requester,
    case: Case | NewCase,
    party: Party | NewParty,
    template_key: str,
    send_mode: SendMode,
    now: datetime,
    untrusted_word: str | None = None,
    untrusted_crm: Mapping[str, str] | None = None,
) -> tuple[DocumentRequest, UploadLink, Message | None]:
    """Ask one person for the documents of the newest version of a template; a message is queued when we send.

    `country` (ISO 3166) reads phones without a country code; `untrusted_word` is the word that both sides know,
    `untrusted_crm` what belongs to the request in the CRM. Raises
    InvalidValue, NotFound, CaseClosed. The caller has asked the policy.
    """
    current_notice(session, org_id)
    template = current_template(session, org_id=org_id, key=template_key)
    where = case if isinstance(case, Case) else case_for(session, org_id, case, requester, now=now)
    if where.org_id != org_id:
        raise NotFound(f"case {where.id}")
    if where.state != CaseState.OPEN:
        raise CaseClosed(f"case {where.id}")
    whom = party if isinstance(party, Party) else _party(session, where, party, country, requester, now)
    if send_mode == SendMode.AUTO and not (whom.phone or whom.bsuid or whom.email):
        raise InvalidValue("phone", "required")
    request = create_request(
        session,
        case=where,
        party=whom,
        template=template,
        created_by=requester.id,
        send_mode=send_mode,
        known_word=line("known_word", untrusted_word or "", WORD_LENGTH, required=False) or None,
        now=now,
    )
    refer(session, request, untrusted_crm or {}, now=now)
    link = issue(session, request, now=now)
    start(session, request, now=now)
    message = None
    if send_mode != SendMode.NONE:
        message = queue(session, request=request, link=link, purpose=Purpose.REQUEST, now=now)
    record(
        session,
        requester.request_event,
        org_id=org_id,
        actor_id=requester.id,
        subject_id=request.id,
        case_id=where.id,
        details={
            "party": whom.id,
            "template": template.key,
            "version": template.version,
            "link": link.id,
            "send": send_mode.value,
            **({"message": message.id} if message is not None else {}),
        },
        now=now,
    )
    return request, link, message


def e164(untrusted: str, country: str) -> str:
    """Return a phone number as E.164 with `+`. Raises InvalidValue for what cannot be a number of its country."""
    try:
        number = phonenumbers.parse(untrusted.strip()[:40], country)
    except phonenumbers.NumberParseException:
        raise InvalidValue("phone", "not_a_number") from None
    if not phonenumbers.is_valid_number(number):
        raise InvalidValue("phone", "not_a_number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def mail_address(untrusted: str) -> str:
    """Return an address for mail as plain ASCII, its domain in lower case. Raises InvalidValue for what is none."""
    local, _, domain = untrusted.strip().rpartition("@")
    if len(local) > 64 or len(domain) > 180 or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise InvalidValue("email", "not_an_address")
    return f"{local}@{domain.lower()}"


def business_scoped_id(untrusted: str) -> str:
    """Return WhatsApp's id of a person without a visible phone. Raises InvalidValue for what is none."""
    if not _BSUID.fullmatch(untrusted):
        raise InvalidValue("whatsapp_id", "not_an_id")
    return untrusted


def case_for(session: Session, org_id: str, given: NewCase, requester: Requester, *, now: datetime) -> Case:
    """Return the case of this external reference, else a new one. Raises InvalidValue."""
    reference = line("reference", given.untrusted_reference or "", REFERENCE_LENGTH, required=False)
    case, new = open_case(
        session,
        org_id=org_id,
        title=line("title", given.untrusted_title, TITLE_LENGTH),
        external_ref=reference or None,
        team_id=given.team_id,
        owner_id=given.owner_id,
        now=now,
    )
    if new:
        record(
            session,
            requester.case_event,
            org_id=org_id,
            actor_id=requester.id,
            subject_id=case.id,
            case_id=case.id,
            now=now,
        )
    return case


def _party(session: Session, case: Case, given: NewParty, country: str, requester: Requester, now: datetime) -> Party:
    if given.untrusted_locale not in LANGUAGES:
        raise InvalidValue("locale", "unknown")
    party = Party(
        org_id=case.org_id,
        case_id=case.id,
        role=given.role,
        name=line("name", given.untrusted_name, NAME_LENGTH),
        phone=e164(given.untrusted_phone, country) if given.untrusted_phone else None,
        bsuid=business_scoped_id(given.untrusted_bsuid) if given.untrusted_bsuid else None,
        email=mail_address(given.untrusted_email) if given.untrusted_email else None,
        locale=given.untrusted_locale,
        created_at=now,
    )
    session.add(party)
    session.flush()
    if given.opt_in is not None:
        who = requester.request_event.actor
        note_opt_in(session, party, given.opt_in, actor=who, actor_id=requester.id, now=now)
    return party


def line(field: str, untrusted: str, limit: int, *, required: bool = True) -> str:
    """Return one line of text without outer or doubled spaces. Raises InvalidValue."""
    text = " ".join(untrusted.split())
    if (required and not text) or len(text) > limit or not text.isprintable():
        raise InvalidValue(field, "required" if not text else "too_long_or_unprintable")
    return text
