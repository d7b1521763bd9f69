"""A day at the console: the case page, review, asking, links, exports, audit, administration."""

import io
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import before_render_template
from jinja2 import Template
from sqlalchemy import select

from audit import AuditEvent, Event
from audit.checkpoints import CheckpointSigner
from audit.sequencing import seal_pending
from portal.web.application import PortalApp
from records.cases import Case, Party
from records.challenges import MAX_FAILURES, is_locked
from records.documents import Document, PreviewTask
from records.exports import Export, ExportState
from records.links import UploadLink
from records.messages import Message, MessageState, Purpose, queue
from records.organizations import Organization
from records.people import Member
from records.requests import DocumentRequest, Slot, SlotState
from records.signing_in import Passwords
from storage.database import Database, utcnow
from tests.portal.staff.company import NOW, Company, console_of
from tests.portal.staff.conftest import Browser

Enter = Callable[[str], Browser]
ASK = {
    "template": "credito-personal",
    "name": "Ana Torres",
    "phone": "55 1234 5678",
    "locale": "es",
    "role": "customer",
    "title": "Crédito de Ana",
    "reference": "CRED-9",
    "send": "y",
}


@pytest.fixture
def document(company: Company, sqlite_database: Database) -> Document:
    """A filed document in Eva's case."""
    with sqlite_database.transaction() as session:
        return company.a_document(session, company.a_request(session, company.a_case(session)).slots[0])


def test_the_reviewer_reads_what_a_document_equals_and_carries(
    browser_of: Enter, company: Company, document: Document, sqlite_database: Database
) -> None:
    with sqlite_database.transaction() as session:
        first = session.get_one(Document, document.id)
        other = first.slot.request.slots[1]
        twin = company.a_document(session, other)
        twin.alike_id, twin.remarks = first.id, ["active_content"]
    page = browser_of("eva").get(f"/documents/{twin.id}").get_data(as_text=True)
    assert "Igual a otro documento de este expediente" in page
    assert f"/documents/{document.id}" in page
    assert "Lleva programas o acciones automáticas" in page
    assert "con observaciones" in browser_of("eva").get(f"/cases/{document.case_id}").get_data(as_text=True)
    assert "observaciones" not in browser_of("eva").get(f"/documents/{document.id}").get_data(as_text=True)


def test_a_document_whose_pages_were_given_up_says_so_instead_of_promising_them(
    browser_of: Enter, company: Company, sqlite_database: Database
) -> None:
    with sqlite_database.transaction() as session:
        slot = company.a_request(session, company.a_case(session)).slots[0]
        sent = company.a_document(session, slot, sealed=False)
        sent.mime = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    assert "se están preparando" in browser_of("eva").get(f"/documents/{sent.id}").get_data(as_text=True)
    with sqlite_database.transaction() as session:
        session.add(PreviewTask(document_id=sent.id, fingerprint=b"x", done_at=NOW, gave_up=True))
    page = browser_of("eva").get(f"/documents/{sent.id}").get_data(as_text=True)
    assert "no tiene imágenes" in page
    assert "Word (DOCX)" in page


def names(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(AuditEvent.event).order_by(AuditEvent.at)))


# The case page


def test_the_case_page_tells_people_slots_and_delivery(
    browser_of: Enter, company: Company, sqlite_database: Database, document: Document
) -> None:
    page = browser_of("eva").get(f"/cases/{document.case_id}").get_data(as_text=True)
    for words in ("Ana Torres", "+52 55 1234 5678", "INE · frente", "Por revisar", "Entregado", "Falta", "0 de 4"):
        assert words in page, words


def test_looking_twice_within_minutes_is_one_look_in_the_trail(
    browser_of: Enter, sqlite_database: Database, document: Document
) -> None:
    for _ in range(3):
        browser_of("eva").get(f"/cases/{document.case_id}")
    browser_of("carla").get(f"/cases/{document.case_id}")
    assert names(sqlite_database).count("staff:case:viewed") == 2


def test_the_story_names_documents_and_tells_a_repeated_look_once(
    browser_of: Enter, company: Company, sqlite_database: Database
) -> None:
    with sqlite_database.transaction() as session:
        request = company.a_request(session, company.a_case(session))
        document = company.a_document(session, request.slots[1], pages=3)
    eva = browser_of("eva")
    for page in (1, 2, 3):
        eva.get(f"/documents/{document.id}/pages/{page}")
    story = browser_of("sofia").get(f"/cases/{document.case_id}").get_data(as_text=True)
    assert story.count("vio un documento") == 1
    assert re.search(r"vio un documento <span class=.about.>INE · reverso", story)


def test_an_undelivered_message_says_why(browser_of: Enter, company: Company, sqlite_database: Database) -> None:
    with sqlite_database.transaction() as session:
        case = company.a_case(session)
        company.a_request(session, case, message=MessageState.FAILED, error="131026")
    page = browser_of("eva").get(f"/cases/{case.id}").get_data(as_text=True)
    assert "No entregado: el número no tiene WhatsApp o no puede recibir mensajes" in page


def test_times_are_written_in_the_readers_zone(
    browser_of: Enter, company: Company, sqlite_database: Database, document: Document
) -> None:
    page = browser_of("eva").get(f"/cases/{document.case_id}").get_data(as_text=True)
    assert "22 nov, 10:30" in page, "16:30 UTC is 10:30 in Mexico City"


# Review


def test_accepting_leads_to_the_next_document_and_then_to_the_case(
    browser_of: Enter, company: Company, sqlite_database: Database
) -> None:
    with sqlite_database.transaction() as session:
        request = company.a_request(session, company.a_case(session))
        first = company.a_document(session, request.slots[0], now=NOW)
        second = company.a_document(session, request.slots[1], now=NOW + timedelta(minutes=1))
    eva = browser_of("eva")
    assert eva.post(f"/documents/{first.id}/accept").location == f"/documents/{second.id}"
    assert eva.post(f"/documents/{second.id}/accept").location == f"/cases/{first.case_id}"
    assert eva.post(f"/documents/{second.id}/accept").status_code == 409


def test_returning_with_a_reason_tells_the_customer(
    browser_of: Enter, sqlite_database: Database, document: Document
) -> None:
    answer = browser_of("eva").post(
        f"/documents/{document.id}/return", {"reason": "cut_off", "note": "Falta la orilla."}
    )
    assert answer.status_code == 303
    with sqlite_database.reading() as session:
        slot = session.get_one(Document, document.id).slot
        queued = session.scalars(select(Message).where(Message.state == MessageState.QUEUED)).one()
        assert (slot.state, slot.reason, slot.note) == (SlotState.RETURNED, "cut_off", "Falta la orilla.")
        assert queued.purpose == "returned"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Elige un motivo."),
        ({"reason": "because"}, "Elige un motivo."),
        ({"reason": "other"}, "Explica el motivo al cliente"),
        ({"reason": "expired", "note": "x" * 501}, "hasta 500 caracteres"),
    ],
)
def test_a_return_that_lacks_something_says_what_and_keeps_what_was_typed(
    browser_of: Enter, document: Document, sqlite_database: Database, given: dict[str, str], words: str
) -> None:
    answer = browser_of("eva").post(f"/documents/{document.id}/return", given)
    assert answer.status_code == 422
    assert words in answer.get_data(as_text=True)
    assert given.get("note", "") in answer.get_data(as_text=True)
    with sqlite_database.reading() as session:
        assert session.get_one(Document, document.id).review == "pending"


def test_compliance_sees_the_document_without_a_way_to_approve(browser_of: Enter, document: Document) -> None:
    page = browser_of("carla").get(f"/documents/{document.id}").get_data(as_text=True)
    assert "/accept" not in page
    assert "Descargar original" in page
    assert "Descargar original" not in browser_of("eva").get(f"/documents/{document.id}").get_data(as_text=True)


# Asking


def test_asking_opens_the_case_and_queues_the_message(
    browser_of: Enter, company: Company, sqlite_database: Database
) -> None:
    answer = browser_of("eva").post("/cases/new", ASK)
    assert answer.status_code == 303
    with sqlite_database.reading() as session:
        case = session.scalars(select(Case)).one()
        party = session.scalars(select(Party)).one()
        assert answer.location == f"/cases/{case.id}"
        assert (case.title, case.external_ref, case.team_id) == ("Crédito de Ana", "CRED-9", company.teams["norte"].id)
        assert (party.phone, party.locale) == ("+525512345678", "es")
        assert session.scalars(select(Message)).one().state == MessageState.QUEUED
    assert {"staff:case:created", "staff:request:created"} <= set(names(sqlite_database))


def test_asking_without_sending_queues_nothing(browser_of: Enter, sqlite_database: Database) -> None:
    given = {name: value for name, value in ASK.items() if name != "send"}
    assert browser_of("eva").post("/cases/new", given).status_code == 303
    with sqlite_database.reading() as session:
        assert session.scalars(select(Message)).all() == []


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("phone", "", 422),
        ("phone", "123", 422),
        ("phone", "<script>", 422),
        ("name", "", 422),
        ("name", "x" * 121, 422),
        ("title", "x" * 161, 422),
        ("locale", "de", 422),
        ("template", "nothing", 404),
        ("name", "a\x00b", 422),
    ],
)
def test_what_cannot_be_asked_creates_nothing(
    browser_of: Enter, sqlite_database: Database, field: str, value: str, status: int
) -> None:
    answer = browser_of("eva").post("/cases/new", {**ASK, field: value})
    assert answer.status_code == status
    with sqlite_database.reading() as session:
        assert session.scalars(select(Case)).all() == []
        assert session.scalars(select(DocumentRequest)).all() == []


def test_omar_cannot_enter_another_teams_case_by_its_reference(
    browser_of: Enter, company: Company, sqlite_database: Database
) -> None:
    with sqlite_database.transaction() as session:
        company.a_case(session, reference="CRED-9")
    assert browser_of("omar").post("/cases/new", ASK).status_code == 403
    with sqlite_database.reading() as session:
        assert session.scalars(select(DocumentRequest)).all() == []
        assert session.scalars(select(Party)).all() == []


def test_a_person_of_another_case_cannot_be_asked_here(
    browser_of: Enter, company: Company, sqlite_database: Database
) -> None:
    with sqlite_database.transaction() as session:
        here, there = company.a_case(session), company.a_case(session, team="sur", owner="omar")
        stranger = company.a_party(session, there)
    answer = browser_of("eva").post(f"/cases/{here.id}/request", {"template": "credito-personal", "party": stranger.id})
    assert answer.status_code == 404


# Links


def test_a_revoked_link_is_closed_and_the_next_copy_is_another(
    browser_of: Enter, sqlite_database: Database, document: Document
) -> None:
    eva = browser_of("eva")
    assert eva.post(f"/requests/{document.request_id}/revoke-link").status_code == 303
    with sqlite_database.reading() as session:
        assert all(link.revoked_at is not None for link in session.scalars(select(UploadLink)))
    assert eva.post(f"/requests/{document.request_id}/revoke-link").status_code == 409
    assert eva.post(f"/requests/{document.request_id}/copy-link").status_code == 200
    with sqlite_database.reading() as session:
        assert len(session.scalars(select(UploadLink)).all()) == 2


def test_a_message_is_sent_again_but_not_twice_at_once(
    browser_of: Enter, sqlite_database: Database, document: Document
) -> None:
    eva = browser_of("eva")
    assert eva.post(f"/requests/{document.request_id}/send-again").status_code == 303
    assert eva.post(f"/requests/{document.request_id}/send-again").status_code == 409
    with sqlite_database.reading() as session:
        assert len(session.scalars(select(Message)).all()) == 2


@pytest.mark.parametrize("way", ["copy-link", "send-again"])
def test_giving_the_link_anew_opens_a_request_that_wrong_codes_locked(
    browser_of: Enter, sqlite_database: Database, document: Document, way: str
) -> None:
    with sqlite_database.transaction() as session:
        session.get_one(DocumentRequest, document.request_id).code_failures = MAX_FAILURES
    assert browser_of("eva").post(f"/requests/{document.request_id}/{way}").status_code < 400
    with sqlite_database.reading() as session:
        assert not is_locked(session, document.request_id)


def test_a_code_on_its_way_does_not_keep_the_link_from_being_sent_again(
    browser_of: Enter, sqlite_database: Database, document: Document
) -> None:
    with sqlite_database.transaction() as session:
        request = session.get_one(DocumentRequest, document.request_id)
        link = session.scalars(select(UploadLink)).one()
        queue(session, request=request, link=link, purpose=Purpose.CODE, now=utcnow())
    assert browser_of("eva").post(f"/requests/{document.request_id}/send-again").status_code == 303


def test_the_agreed_word_stands_on_the_case_for_whoever_calls(
    browser_of: Enter, sqlite_database: Database, document: Document
) -> None:
    with sqlite_database.transaction() as session:
        session.get_one(DocumentRequest, document.request_id).known_word = "girasol"
    assert "girasol" in browser_of("eva").get(f"/cases/{document.case_id}").get_data(as_text=True)


def test_a_cancelled_request_is_asked_no_longer(
    browser_of: Enter, sqlite_database: Database, document: Document
) -> None:
    eva = browser_of("eva")
    assert eva.post(f"/requests/{document.request_id}/cancel").status_code == 303
    assert eva.post(f"/requests/{document.request_id}/cancel").status_code == 409
    assert eva.post(f"/requests/{document.request_id}/send-again").status_code == 409
    assert eva.post(f"/requests/{document.request_id}/copy-link").status_code == 409
    with sqlite_database.reading() as session:
        assert not any(link.accepts_activation(utcnow()) for link in session.scalars(select(UploadLink)))
    assert "staff:request:cancelled" in names(sqlite_database)


# Exports


def test_an_export_waits_until_it_is_ready(browser_of: Enter, sqlite_database: Database, document: Document) -> None:
    carla = browser_of("carla")
    carla.post(f"/cases/{document.case_id}/exports")
    page = carla.get(f"/cases/{document.case_id}").get_data(as_text=True)
    assert "Preparando" in page
    assert '<meta http-equiv="refresh"' in page
    with sqlite_database.transaction() as session:
        export = session.scalars(select(Export)).one()
        event = session.get_one(AuditEvent, export.event_id)
        assert (event.event, event.subject_id) == ("staff:case:exported", export.id)
    assert carla.post(f"/exports/{export.id}/download").status_code == 409
    with sqlite_database.transaction() as session:
        session.get_one(Export, export.id).state = ExportState.READY
    page = carla.get(f"/cases/{document.case_id}").get_data(as_text=True)
    assert "Descargar ZIP" in page
    assert '<meta http-equiv="refresh"' not in page


def test_a_page_stops_reloading_when_the_stamp_does_not_come_and_offers_a_button(
    browser_of: Enter, sqlite_database: Database, document: Document
) -> None:
    carla = browser_of("carla")
    carla.post(f"/cases/{document.case_id}/exports")
    with sqlite_database.transaction() as session:
        session.scalars(select(Export)).one().created_at = utcnow() - timedelta(minutes=3)
    page = carla.get(f"/cases/{document.case_id}").get_data(as_text=True)
    assert '<meta http-equiv="refresh"' not in page
    found = re.search(r'href="([^"]+)">Ver si ya está lista', page)
    assert found is not None
    assert carla.get(found.group(1).partition("#")[0]).status_code == 200


# Whose case it is, and its end


def test_a_supervisor_hands_a_case_to_another_team(
    browser_of: Enter, company: Company, sqlite_database: Database, document: Document
) -> None:
    omar, sofia = company.members["omar"], browser_of("sofia")
    case = f"/cases/{document.case_id}"
    assert browser_of("omar").get(case).status_code == 403
    assert "Omar Díaz · Equipo sur" in sofia.get(case).get_data(as_text=True)
    assert sofia.post(f"{case}/owner", {"owner": omar.id}).status_code == 303
    assert sofia.post(f"{case}/owner", {"owner": omar.id}).status_code == 409, "theirs already"
    assert browser_of("omar").get(case).status_code == 200
    assert "reasignó el expediente" in browser_of("omar").get(case).get_data(as_text=True)
    with sqlite_database.reading() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == "staff:case:reassigned")).one()
    assert event.details == {"owner": omar.id, "team": company.teams["sur"].id}
    assert (event.actor_id, event.case_id) == (company.members["sofia"].id, document.case_id)


@pytest.mark.parametrize("who", ["", "x", "carla", "saul", "aurora", "gone", "strange"])
def test_a_case_goes_to_nobody_who_works_on_none(
    browser_of: Enter, company: Company, sqlite_database: Database, document: Document, who: str
) -> None:
    with sqlite_database.transaction() as session:
        if who == "gone":
            session.get_one(Member, company.members["omar"].id).active = False
        if who == "strange":
            other = Organization(slug="otra", name="Otra", created_at=NOW)
            session.add(other)
            session.flush()
            session.get_one(Member, company.members["omar"].id).org_id = other.id
    owner = company.members.get({"gone": "omar", "strange": "omar"}.get(who, who))
    answer = browser_of("sofia").post(f"/cases/{document.case_id}/owner", {"owner": owner.id if owner else who})
    assert answer.status_code == 422
    with sqlite_database.reading() as session:
        assert session.get_one(Case, document.case_id).owner_id == company.members["eva"].id


def test_a_closed_case_asks_for_nothing_and_lets_nothing_in(
    browser_of: Enter, sqlite_database: Database, document: Document
) -> None:
    sofia, case = browser_of("sofia"), f"/cases/{document.case_id}"
    assert "Cerrar expediente" in sofia.get(case).get_data(as_text=True)
    assert sofia.post(f"{case}/close").status_code == 303
    assert sofia.post(f"{case}/close").status_code == 409
    assert sofia.post(f"{case}/owner", {"owner": "x"}).status_code == 409
    page = browser_of("eva").get(case).get_data(as_text=True)
    assert "Cerrado" in page
    assert "cerró el expediente" in page
    for gone in (f"{case}/request", f"{case}/close", f"{case}/owner", "/copy-link", "/send-again"):
        assert gone not in page, gone
    assert browser_of("eva").post(f"/documents/{document.id}/accept").status_code == 409
    assert browser_of("eva").post(f"/requests/{document.request_id}/copy-link").status_code == 409
    with sqlite_database.reading() as session:
        assert all(link.revoked_at is not None for link in session.scalars(select(UploadLink)))
        assert session.get_one(DocumentRequest, document.request_id).state == "cancelled"
    assert {"staff:case:closed", "staff:request:cancelled", "staff:link:revoked"} <= set(names(sqlite_database))


# Audit


def test_the_trail_is_read_page_by_page_and_reading_it_is_traced(
    browser_of: Enter, company: Company, sqlite_database: Database, document: Document
) -> None:
    for _ in range(60):
        browser_of("aurora").get("/audit?event=staff:audit:viewed")
    page = browser_of("aurora").get("/audit?event=staff:audit:viewed").get_data(as_text=True)
    assert page.count('class="when"') == 50
    following = re.search(r'href="(/audit\?[^"]*after=[^"]*)"', page)
    assert following is not None
    rest = browser_of("aurora").get(following.group(1).replace("&amp;", "&")).get_data(as_text=True)
    assert rest.count('class="when"') == 10


def test_an_untouched_trail_is_called_intact_and_an_altered_one_is_not(
    company: Company, sqlite_database: Database, passwords: Passwords, document: Document
) -> None:
    signer = CheckpointSigner("resguardo", b"\x07" * 16 + bytes(range(16)))
    app = console_of(company, sqlite_database, passwords=passwords, checkpoint_public=signer.public)
    aurora = Browser(app)
    aurora.sign_in(company, "aurora")
    aurora.get(f"/cases/{document.case_id}")
    with sqlite_database.transaction() as session:
        seal_pending(session, signer, utcnow())
    assert "Íntegra" in aurora.post("/audit/verify").get_data(as_text=True)
    with sqlite_database.transaction() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == "staff:case:viewed")).one()
        event.actor_id = company.members["eva"].id
    page = aurora.post("/audit/verify").get_data(as_text=True)
    assert "No íntegra" in page
    assert event.id in page
    assert "staff:audit:verified" in names(sqlite_database)


@pytest.mark.parametrize("query", ["event=x", "member=x", "case=%00", "after=x", "member=" + "A" * 32])
def test_a_filter_that_is_none_is_refused(browser_of: Enter, query: str) -> None:
    assert browser_of("carla").get(f"/audit?{query}").status_code == 422


def test_a_refused_attempt_leaves_its_own_event(
    browser_of: Enter, company: Company, sqlite_database: Database, document: Document
) -> None:
    browser_of("omar").get(f"/cases/{document.case_id}")
    with sqlite_database.reading() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == Event.STAFF_ACCESS_REFUSED.value)).one()
    assert (event.actor_id, event.subject_id) == (company.members["omar"].id, document.case_id)
    assert event.details == {"endpoint": "cases.show"}


# Administration


def test_disabling_a_member_ends_their_session_at_once(browser_of: Enter, company: Company) -> None:
    eva, saul = browser_of("eva"), browser_of("saul")
    assert saul.post(f"/members/{company.members['eva'].id}/disable").status_code == 303
    assert eva.get("/cases").status_code == 401
    assert saul.post(f"/members/{company.members['eva'].id}/enable").status_code == 303
    assert eva.get("/cases").status_code == 401, "an old session does not come back to life"


def test_the_administrator_cannot_shut_out_themselves(browser_of: Enter, company: Company) -> None:
    assert browser_of("saul").post(f"/members/{company.members['saul'].id}/disable").status_code == 409


# All pages


def test_no_page_is_drawn_while_other_writers_wait(
    console: PortalApp, browser_of: Enter, company: Company, document: Document
) -> None:
    sofia, carla, saul = browser_of("sofia"), browser_of("carla"), browser_of("saul")
    drawn: list[str] = []

    def write(_app: object, template: Template, **_context: object) -> None:
        drawn.append(str(template.name))
        with console.database.transaction():  # waits for ever where the view itself holds the lock
            pass

    with before_render_template.connected_to(write, console):
        assert sofia.get(f"/cases/{document.case_id}").status_code == 200
        assert sofia.get(f"/documents/{document.id}").status_code == 200
        assert sofia.post(f"/documents/{document.id}/return", {"reason": "x"}).status_code == 422
        assert sofia.post(f"/requests/{document.request_id}/copy-link").status_code == 200
        assert sofia.post("/cases/new", {**ASK, "name": ""}).status_code == 422
        assert carla.get("/audit").status_code == 200
        assert carla.post("/audit/verify").status_code == 200
        key = {"name": "CRM", "team": company.teams["norte"].id, "scope": "requests:read"}
        assert saul.post("/api-keys", key).status_code == 200
        assert saul.post("/api-keys", {"name": ""}).status_code == 422
        assert browser_of("omar").get(f"/cases/{document.case_id}").status_code == 403
    assert {f"staff/{name}.html" for name in ("case", "document", "link", "ask", "audit", "administration")} <= set(
        drawn
    )


def test_the_reader_chooses_the_language_and_it_stays(browser_of: Enter, console: PortalApp) -> None:
    eva = browser_of("eva")
    assert eva.post("/language", {"language": "pt", "next": "/cases?group=all"}).location == "/cases?group=all"
    assert "Pedir documentos" in eva.get("/cases").get_data(as_text=True)
    assert "Quem espera por quem" in eva.get("/cases").get_data(as_text=True)
    assert eva.post("/language", {"language": "de"}).status_code == 422


def test_no_file_part_is_ever_parsed(browser_of: Enter, document: Document) -> None:
    eva = browser_of("eva")
    answer = eva.client.post(
        "/cases/new",
        data={"csrf_token": eva.token(), "file": (io.BytesIO(b"x"), "x.pdf")},
        headers={"Sec-Fetch-Site": "same-origin"},
        base_url="https://staff.localhost",
    )
    assert answer.status_code == 415


# Documents that the customer does not have


@pytest.fixture
def declined(company: Company, sqlite_database: Database) -> Slot:
    """A required document that Ana does not have."""
    with sqlite_database.transaction() as session:
        slot = company.a_request(session, company.a_case(session)).slots[2]
        slot.declined("lost", "Me la robaron <en marzo>", NOW)
        return slot


def test_a_declined_document_is_on_board_and_case_with_its_reason(browser_of: Enter, declined: Slot) -> None:
    eva = browser_of("eva")
    board = eva.get("/cases?group=ours").get_data(as_text=True)
    assert "1 por decidir" in board
    page = eva.get(f"/cases/{declined.request.case_id}").get_data(as_text=True)
    for words in ("El cliente no lo tiene", "dice que lo perdió o no lo encuentra", "Me la robaron &lt;en marzo&gt;"):
        assert words in page, words
    assert "Dispensar" in page
    assert "Dispensar" not in browser_of("carla").get(f"/cases/{declined.request.case_id}").get_data(as_text=True)


def test_waiving_counts_as_settled_and_a_second_decision_is_refused(browser_of: Enter, declined: Slot) -> None:
    eva = browser_of("eva")
    assert eva.post(f"/slots/{declined.id}/waive").status_code == 303
    assert eva.post(f"/slots/{declined.id}/waive").status_code == 409
    assert eva.post(f"/slots/{declined.id}/insist").status_code == 409
    page = eva.get(f"/cases/{declined.request.case_id}").get_data(as_text=True)
    assert "Dispensado" in page
    assert "1 de 4" in page
    assert "Documento dispensado" not in eva.get("/cases").get_data(as_text=True)


def test_insisting_shows_the_note_as_a_return_does(browser_of: Enter, declined: Slot) -> None:
    eva = browser_of("eva")
    assert eva.post(f"/slots/{declined.id}/insist", {"note": "Pide un duplicado"}).status_code == 303
    page = eva.get(f"/cases/{declined.request.case_id}").get_data(as_text=True)
    assert "Se pide de todos modos" in page
    assert "Pide un duplicado" in page
    assert "pidió de todos modos un documento" in page
