"""Rows for looking at the console: thirty cases in every state, as a company would have them on a Sunday."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import Event, record
from audit.events import ActorKind
from notifications.studio.writing import wordings
from records.alarms import AlarmKind, raise_alarm
from records.breakers import Breaker, Scope, open_breaker
from records.cases import Case, Party
from records.exports import Export, ExportState, request_export
from records.links import activate, newest_link
from records.messages import MessageState, WaitReason
from records.optins import Evidence, OptInSource, note_opt_in
from records.optouts import opt_out
from records.organizations import current_notice
from records.requests import DocumentRequest, SendMode, SlotState
from records.reviewing import ReturnReason, accept, return_
from records.senders import WhatsAppSender
from records.studio import Author, accounts, open_account, register, templates
from records.templates import TemplateStatus
from tests.notifications.delivery.outbox import a_sender
from tests.portal.staff.company import Company

NAMES = (
    "Ana Torres Beltrán",
    "Luis Hernández",
    "Comercializadora del Bajío, S.A. de C.V.",
    "María José Ibáñez",
    "Raúl Quintero",
    "Ñico Pérez",
    "Fernanda Açevedo",
    "Grupo Constructor Nayarit",
    "Jorge Luis Sandoval",
    "Dolores Peñaloza",
    "Ximena Castañeda",
    "Iván Rosas",
)


def fill(session: Session, company: Company, now: datetime) -> Case:
    """Make the rows; returns the case worth looking at."""
    for i in range(30):
        born = now - timedelta(hours=7 * i + 3)
        case = company.a_case(
            session,
            title=NAMES[i % len(NAMES)],
            reference=f"CRED-2026-{1200 + i:05d}" if i % 4 else None,
            owner="eva" if i % 3 else None,
            now=born,
        )
        company.a_party(session, case, name=NAMES[(i + 3) % len(NAMES)], role="co_debtor")
        _state(session, company, case, i, born)
    _stuck(session, company, now)
    return _rich(session, company, now)


def _stuck(session: Session, company: Company, now: datetime) -> None:
    """A number whose token ended, a template in pause, alarms, and messages in every pile."""
    numbers = [a_sender(company.org.id, number=number) for number in ("106540352242922", "106540352242923")]
    session.add_all(numbers)
    session.flush()
    where = {"org_id": company.org.id, "now": now - timedelta(hours=2)}
    open_breaker(session, Scope.SENDER, numbers[0].id, reason="190", until=None, **where)
    template = f"{numbers[0].waba_id}/solicitud_documentos_v2/es_CO"
    open_breaker(session, Scope.TEMPLATE, template, reason="132015", until=now + timedelta(hours=4), **where)
    raise_alarm(session, AlarmKind.SENDER, subject=numbers[0].id, code="190", **where)
    raise_alarm(session, AlarmKind.CATEGORY, subject="solicitud_documentos_v2/es_MX", code="131049", **where)
    breaker = session.scalars(select(Breaker).where(Breaker.scope == Scope.SENDER)).one()
    company.org = session.merge(company.org)
    company.org.mail_from = "avisos@credito.example"
    piles = (
        (MessageState.UNKNOWN, None, None),
        (MessageState.QUEUED, "190", WaitReason.SENDER),
        (MessageState.QUEUED, None, WaitReason.BUDGET),
        (MessageState.QUEUED, "131016", WaitReason.BACKOFF),
    )
    for number, (state, error, waits_for) in enumerate(piles):
        born = now - timedelta(hours=number + 1)
        case = company.a_case(session, title=NAMES[number], reference=f"CRED-2026-{900 + number:05d}", now=born)
        request = company.a_request(session, case, now=born, message=None)
        request.party.email = "persona@example.com"
        message = company.a_message(session, request, state=state, error=error, waits_for=waits_for, now=born)
        if waits_for is not None:
            message.due_at = now + timedelta(minutes=7)
        if waits_for is WaitReason.SENDER:
            message.held_by = breaker.id


def _state(session: Session, company: Company, case: Case, i: int, born: datetime) -> None:
    message = MessageState.FAILED if i % 9 == 5 else list(MessageState)[(i % 5) + 3]
    error = "131026" if message is MessageState.FAILED else None
    request = company.a_request(session, case, now=born, message=message, error=error)
    for n, slot in enumerate(request.slots[: i % 5]):
        document = company.a_document(session, slot, now=born + timedelta(hours=1))
        if (i + n) % 3 == 0:
            accept(session, company.members["sofia"], document.id, now=born + timedelta(hours=2))
    if i == 8:
        for slot in request.slots:
            if slot.state == SlotState.MISSING:
                company.a_document(session, slot, now=born)
            if slot.state == SlotState.FILED:
                accept(session, company.members["sofia"], slot.document_id or "", now=born + timedelta(hours=3))
    if i == 14:
        case.close(born + timedelta(hours=4))


def _rich(session: Session, company: Company, now: datetime) -> Case:
    born = now - timedelta(days=2, hours=4)
    eva = company.members["eva"]
    case = company.a_case(session, title="Ana Torres Beltrán", reference="CRED-2026-00987", now=born)
    record(
        session,
        Event.STAFF_CASE_CREATED,
        org_id=case.org_id,
        actor_id=eva.id,
        subject_id=case.id,
        case_id=case.id,
        now=born,
    )
    request = company.a_request(session, case, now=born, message=MessageState.READ)
    record(
        session,
        Event.STAFF_REQUEST_CREATED,
        org_id=case.org_id,
        actor_id=eva.id,
        subject_id=request.id,
        case_id=case.id,
        now=born,
    )
    _visit(session, request, born + timedelta(minutes=9))
    front, back, address, tax, _extra = request.slots
    company.a_document(session, front, now=born + timedelta(minutes=12))
    accept(session, eva, front.document_id or "", now=born + timedelta(minutes=40))
    company.a_document(session, back, now=born + timedelta(minutes=13))
    document = company.a_document(session, address, now=born + timedelta(minutes=15), pages=3)
    note = "El recibo es de hace ocho meses. Necesitamos uno de los últimos tres."
    return_(session, eva, document.id, reason=ReturnReason.EXPIRED, note=note, now=born + timedelta(minutes=44))
    company.a_document(session, tax, now=born + timedelta(minutes=50), pages=3)
    guarantor = company.a_party(session, case, name="Roberto Beltrán Arce", role="guarantor", phone="+525587654321")
    second = company.a_request(session, case, party=guarantor, now=born, message=MessageState.FAILED, error="131026")
    company.a_document(session, second.slots[0], now=born + timedelta(hours=2), state=SlotState.RECEIVED)
    company.a_document(session, second.slots[2], now=born + timedelta(hours=3), state=SlotState.RECEIVED)
    second.slots[2].refused("pdf_locked", born + timedelta(hours=3))
    company.a_request(session, case, send_mode=SendMode.NONE, message=None, now=born + timedelta(hours=5)).cancel()
    _message_templates(session, company, now)
    _chats(session, company, request, guarantor, now)
    export: Export = request_export(session, company.members["carla"], case.id, now=now - timedelta(minutes=3))
    export.state, export.ready_at = ExportState.READY, now
    return case


def _message_templates(session: Session, company: Company, now: datetime) -> None:
    """Templates as an administrator finds them, one of them in need of a look."""
    if session.scalars(select(WhatsAppSender).where(WhatsAppSender.org_id == company.org.id)).first() is None:
        sealed = {"token_boxed": b"t", "app_secret_boxed": b"s", "verify_token_sha256": "0" * 64}
        session.add(WhatsAppSender(org_id=company.org.id, phone_number_id="1065", waba_id="1022", **sealed))
        session.flush()
    author = Author(kind=ActorKind.STAFF, id=company.members["saul"].id)
    (waba_id,) = accounts(session, company.org.id)
    account = open_account(session, author, company.org.id, waba_id, now=now)
    register(session, author, account, wordings(["es_MX", "en"]), now=now)
    for row in templates(session, company.org.id):
        row.status, row.category, row.wish, row.remote_id = TemplateStatus.APPROVED, row.wanted_category, None, "1"
    row.category, row.quality = "MARKETING", "RED"


def _chats(session: Session, company: Company, request: DocumentRequest, guarantor: Party, now: datetime) -> None:
    """What came by chat: files of Ana's and of nobody's, a person who agreed and one who said no more."""
    case = request.case
    company.a_chat_file(session, case, at=now - timedelta(hours=30), deleted_at=now - timedelta(hours=30))
    company.a_chat_file(
        session, case, at=now - timedelta(hours=2), type="document", mime="application/pdf", media_id="1"
    )
    company.a_chat_file(session, case, at=now - timedelta(days=8), type="video", left_at=now - timedelta(days=1))
    company.a_chat_file(session, at=now - timedelta(hours=1), hint="4417")
    evidence = Evidence(untrusted_text="Lo marcó en su solicitud de crédito", source=OptInSource.CONSOLE)
    eva = company.members["eva"].id
    note_opt_in(session, request.party, evidence, actor=ActorKind.STAFF, actor_id=eva, now=now - timedelta(days=2))
    opt_out(session, org_id=case.org_id, addresses=[str(guarantor.phone)], said_at=now - timedelta(hours=5))


def _visit(session: Session, request: DocumentRequest, now: datetime) -> None:

    link = newest_link(session, request.id)
    if link is None:
        return
    notice = current_notice(session, request.org_id)
    activate(session, link_id=link.id, cookie_sha256="c" * 64, notice_id=notice.id, locale="es", now=now)
    for event in (Event.CUSTOMER_LINK_ACTIVATED, Event.CUSTOMER_NOTICE_ACCEPTED, Event.CUSTOMER_UPLOAD_FINISHED):
        record(
            session,
            event,
            org_id=request.org_id,
            actor_id=link.id,
            subject_id=link.id,
            case_id=request.case_id,
            now=now,
        )
