"""A day at the console on PostgreSQL with only the rights of the console's own role."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, select

from migrations import rights
from records.alarms import Alarm, AlarmKind, raise_alarm
from records.apikeys import ApiKey
from records.breakers import Breaker, Scope, open_breaker
from records.crm.deliveries import DeliveryState
from records.exports import Export
from records.messages import MessageState, WaitReason
from records.people import Member
from records.signing_in import Passwords
from storage.blobs import LocalBlobStore
from storage.database import Database
from tests.portal.staff.company import NOW, Company, console_of, found_company
from tests.portal.staff.conftest import Browser
from tests.portal.staff.integrations import a_delivery, a_subscriber
from tests.portal.staff.test_working import ASK
from tests.services.models import load_models


@pytest.fixture
def owner(postgres_database: str) -> Iterator[Database]:
    """The database as its owner, with every table and every right."""
    database = Database(postgres_database)
    load_models().metadata.create_all(database.engine)
    with database.engine.begin() as connection:
        rights.create_roles(connection)
        rights.grant(connection)
    yield database
    database.dispose()


@pytest.fixture
def limited(owner: Database, postgres_database: str) -> Iterator[Database]:
    """The same database as the console's role."""
    url = make_url(postgres_database).update_query_dict({"options": f"-c role={rights.group('staff')}"})
    database = Database(url.render_as_string(hide_password=False))
    yield database
    database.dispose()


def test_the_consoles_own_role_is_enough_for_a_day(
    owner: Database, limited: Database, tmp_path: Path, passwords: Passwords
) -> None:
    (tmp_path / "blobs").mkdir()
    company = found_company(owner, LocalBlobStore(tmp_path / "blobs"), passwords=passwords)
    with owner.transaction() as session:
        request = company.a_request(session, company.a_case(session))
        first, second = (company.a_document(session, slot, sealed=False) for slot in request.slots[:2])
        for slot in request.slots[2:]:
            slot.declined("lost", None, NOW)
        stray = company.a_chat_file(session)
        company.a_chat_file(session, request.case)
        delivery = a_delivery(session, a_subscriber(session, company.org.id, NOW), 1, NOW, state=DeliveryState.FAILED)
        company.a_part(session, first, "original", b"original", "application/pdf")
        company.a_part(session, first, "meta", b"{}", "application/json")
        waiting = company.a_request(session, company.a_case(session))
        failed = company.a_message(session, waiting)
        held = company.a_message(session, waiting, state=MessageState.QUEUED, error=None, waits_for=WaitReason.SENDER)
        late = company.a_message(session, waiting)
        company.org = session.merge(company.org)
        company.org.mail_from = "avisos@credito.example"
        waiting.party.email, waiting.party.verify_since = "ana@example.com", NOW
        where = {"org_id": company.org.id, "now": NOW}
        open_breaker(session, Scope.SENDER, "n", reason="190", until=None, **where)
        raise_alarm(session, AlarmKind.SENDER, subject="n", code="190", **where)
        breaker, alarm = session.scalars(select(Breaker)).one(), session.scalars(select(Alarm)).one()
        held.held_by = breaker.id
    app = console_of(company, limited, passwords=passwords)
    cast = ("eva", "sofia", "carla", "saul")
    eva, sofia, carla, saul = (signed_in(Browser(app), company, who) for who in cast)
    case = f"/cases/{first.case_id}"
    steps = [
        (eva.get("/cases"), 200),
        (eva.post("/cases/search", {"q": "Ana"}), 200),
        (eva.get("/chats"), 200),
        (eva.post(f"/chats/{stray.id}/handled"), 303),
        (eva.post(f"/parties/{request.party_id}/opt-in", {"opt_in": "Aceptó por teléfono"}), 303),
        (eva.get(case), 200),
        (eva.get(f"/documents/{first.id}"), 200),
        (eva.post(f"/documents/{first.id}/accept"), 303),
        (eva.post(f"/documents/{second.id}/return", {"reason": "expired"}), 303),
        (eva.post(f"/slots/{request.slots[2].id}/waive"), 303),
        (eva.post(f"/slots/{request.slots[3].id}/insist", {"note": "Hace falta."}), 303),
        (eva.post("/cases/new", ASK), 303),
        (eva.get(f"{case}/request"), 200),
        (eva.post(f"/requests/{request.id}/copy-link"), 200),
        (eva.post(f"/requests/{request.id}/revoke-link"), 303),
        (eva.post(f"/requests/{request.id}/cancel"), 303),
        (eva.post("/language", {"language": "en"}), 303),
        (eva.get("/audit"), 403),
        (carla.post(f"/documents/{first.id}/original"), 200),
        (carla.post(f"{case}/exports"), 303),
        (carla.get(case), 200),
        (carla.get("/audit"), 200),
        (carla.post("/audit/verify"), 200),
        (eva.get("/messages"), 200),
        (eva.post(f"/messages/{failed.id}/retry"), 303),
        (eva.post(f"/messages/{failed.id}/retry"), 409),
        (eva.post(f"/messages/{held.id}/cancel"), 303),
        (eva.post(f"/messages/{late.id}/move", {"channel": "email"}), 303),
        (eva.post(f"/parties/{waiting.party_id}/confirm"), 303),
        (saul.get("/administration/sending"), 200),
        (saul.post(f"/breakers/{breaker.id}/close"), 303),
        (saul.post(f"/alarms/{alarm.id}/close"), 303),
        (saul.get("/administration"), 200),
        (saul.post("/api-keys", {"name": "CRM", "team": company.teams["norte"].id, "scope": "requests:read"}), 200),
        (saul.get("/integrations"), 200),
        (saul.get("/integrations/log"), 200),
        (saul.get(f"/integrations/deliveries/{delivery.id}"), 200),
        (saul.post(f"/integrations/deliveries/{delivery.id}/replay"), 303),
        (saul.post(f"/integrations/{delivery.subscriber_id}/pause"), 303),
        (saul.post(f"/integrations/{delivery.subscriber_id}/resume"), 303),
        (saul.post(f"/integrations/{delivery.subscriber_id}/test"), 303),
        (saul.post(f"/integrations/{delivery.subscriber_id}/replay", {"since": "2026-01-01"}), 303),
        (saul.post("/administration/message-templates/register", {"waba": "20", "language": "en"}), 303),
        (saul.get("/administration/message-templates"), 200),
        (saul.post("/administration/message-templates/policy", {"waba": "20", "refuse": "1"}), 303),
        (sofia.post(f"{case}/owner", {"owner": company.members["omar"].id}), 303),
        (sofia.post(f"{case}/close"), 303),
        (saul.post(f"/members/{company.members['omar'].id}/disable"), 303),
        (saul.post(f"/members/{company.members['omar'].id}/enable"), 303),
        (eva.post("/sign-out"), 303),
    ]
    assert [answer.status_code for answer, _ in steps] == [status for _, status in steps]
    with owner.reading() as session:
        key, export = session.scalars(select(ApiKey)).one(), session.scalars(select(Export)).one()
        assert session.get_one(Member, company.members["eva"].id).locale == "en"
    assert saul.post(f"/api-keys/{key.id}/revoke").status_code == 303
    assert carla.post(f"/exports/{export.id}/download").status_code == 409


def signed_in(browser: Browser, company: Company, who: str) -> Browser:
    """The browser, with the member in it."""
    assert browser.sign_in(company, who, password="wrong").status_code == 401
    assert browser.sign_in(company, who).status_code == 303
    return browser
