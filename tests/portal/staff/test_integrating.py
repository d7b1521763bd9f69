"""Integrations at the console: what administrators see of them, what they may do, and what nobody sees."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from audit import AuditEvent
from records.crm.deliveries import CrmDelivery, DeliveryState
from records.crm.subscribers import CrmSubscriber, SubscriberState
from records.crm.types import CrmType
from records.organizations import Organization
from storage.database import Database, new_id, utcnow
from tests.portal.staff.company import NOW, Company
from tests.portal.staff.conftest import Browser
from tests.portal.staff.integrations import a_delivery, a_subscriber


@pytest.fixture
def saul(browser_of: Callable[[str], Browser]) -> Browser:
    return browser_of("saul")


@pytest.fixture
def rows(company: Company, sqlite_database: Database) -> dict[str, str]:
    """A subscriber with one delivery of each state, and another company's."""
    with sqlite_database.transaction() as session:
        ours = a_subscriber(session, company.org.id, NOW)
        found = {
            state.value: a_delivery(session, ours, n, NOW, state=state).id for n, state in enumerate(DeliveryState)
        }
        other = Organization(slug="otra", name="Otra", created_at=NOW)
        session.add(other)
        session.flush()
        theirs = a_subscriber(session, other.id, NOW, name="CRM ajeno")
        failed = a_delivery(session, theirs, 1, NOW, state=DeliveryState.FAILED)
        return {"ours": ours.id, "theirs": theirs.id, "theirs_failed": failed.id, **found}


def events(database: Database) -> list[tuple[str, str]]:
    with database.reading() as session:
        wanted = select(AuditEvent).where(
            AuditEvent.event.like("staff:subscriber:%") | AuditEvent.event.like("%replay%")
        )
        return [(each.event, each.subject_id) for each in session.scalars(wanted.order_by(AuditEvent.at))]


def delivery(database: Database, delivery_id: str) -> CrmDelivery:
    with database.reading() as session:
        return session.get_one(CrmDelivery, delivery_id)


def test_without_integrations_the_page_says_how_to_add_one(saul: Browser) -> None:
    page = saul.get("/integrations").get_data(as_text=True)
    assert "Ningún sistema recibe avisos todavía." in page
    assert "webhook add credito" in page


def test_the_page_shows_each_integration_with_state_last_result_and_counts(saul: Browser, rows: dict[str, str]) -> None:
    page = saul.get("/integrations").get_data(as_text=True)
    assert "CRM de ventas" in page
    assert "https://crm.example/hooks/resguardo" in page
    assert "1 entregadas, 1 en espera, 1 sin entregar" in page
    assert "CRM ajeno" not in page
    assert "canary-secret" not in page


def test_pausing_and_resuming_are_traced(saul: Browser, rows: dict[str, str], sqlite_database: Database) -> None:
    ours = rows["ours"]
    assert saul.post(f"/integrations/{ours}/pause").status_code == 303
    with sqlite_database.reading() as session:
        assert session.get_one(CrmSubscriber, ours).state == SubscriberState.PAUSED
    assert "En pausa" in saul.get("/integrations").get_data(as_text=True)
    assert saul.post(f"/integrations/{ours}/pause").status_code == 409
    assert saul.post(f"/integrations/{ours}/resume").status_code == 303
    assert events(sqlite_database) == [("staff:subscriber:paused", ours), ("staff:subscriber:resumed", ours)]


def test_a_disabled_one_says_why_and_can_be_resumed(
    saul: Browser, rows: dict[str, str], sqlite_database: Database
) -> None:
    with sqlite_database.transaction() as session:
        session.get_one(CrmSubscriber, rows["ours"]).disable("gone")
    assert "respondió que ya no quiere avisos" in saul.get("/integrations").get_data(as_text=True)
    assert saul.post(f"/integrations/{rows['ours']}/test").status_code == 409
    assert saul.post(f"/integrations/{rows['ours']}/resume").status_code == 303


def test_the_test_button_asks_the_courier_through_the_trail(
    saul: Browser, rows: dict[str, str], sqlite_database: Database
) -> None:
    assert saul.post(f"/integrations/{rows['ours']}/test").status_code == 303
    assert events(sqlite_database) == [("staff:subscriber:tested", rows["ours"])]


def test_one_event_is_sent_again_and_not_while_it_waits(
    saul: Browser, rows: dict[str, str], sqlite_database: Database
) -> None:
    for state in ("failed", "delivered"):
        assert saul.post(f"/integrations/deliveries/{rows[state]}/replay").status_code == 303
        found = delivery(sqlite_database, rows[state])
        assert (found.state, found.tries, found.ended_at) == (DeliveryState.WAITING, 0, None)
        assert found.due_at is not None
        assert found.due_at <= utcnow()
    assert saul.post(f"/integrations/deliveries/{rows['waiting']}/replay").status_code == 409
    assert [name for name, _ in events(sqlite_database)] == ["staff:delivery:replayed"] * 2


def test_everything_that_failed_since_a_day_is_sent_again_in_order(
    saul: Browser, rows: dict[str, str], sqlite_database: Database
) -> None:
    with sqlite_database.transaction() as session:
        ours = session.get_one(CrmSubscriber, rows["ours"])
        old = a_delivery(session, ours, 90, NOW - timedelta(days=9), state=DeliveryState.FAILED).id
        new = [a_delivery(session, ours, 91 + n, NOW, state=DeliveryState.FAILED).id for n in range(3)]
    day = (NOW - timedelta(days=2)).strftime("%Y-%m-%d")
    assert saul.post(f"/integrations/{rows['ours']}/replay", {"since": day}).status_code == 303
    assert delivery(sqlite_database, old).state == DeliveryState.FAILED
    again = [delivery(sqlite_database, each) for each in (rows["failed"], *new)]
    assert {each.state for each in again} == {DeliveryState.WAITING}
    assert [each.due_at for each in again] == sorted(each.due_at for each in again if each.due_at)
    for malformed in ("", "ayer", "2026-13-01", "2026-01-01T00:00"):
        assert saul.post(f"/integrations/{rows['ours']}/replay", {"since": malformed}).status_code == 422


def test_the_log_is_filtered_and_paged(
    saul: Browser, rows: dict[str, str], company: Company, sqlite_database: Database
) -> None:
    page = saul.get(f"/integrations/log?subscriber={rows['ours']}&state=failed").get_data(as_text=True)
    assert rows["failed"] in page
    assert rows["delivered"] not in page
    assert "respondió con un error (503)" in page
    assert rows["failed"] not in saul.get("/integrations/log?type=case.closed").get_data(as_text=True)
    assert "Nada con esos filtros." in saul.get("/integrations/log?type=case.closed").get_data(as_text=True)
    with sqlite_database.transaction() as session:
        ours = session.get_one(CrmSubscriber, rows["ours"])
        for number in range(60):
            a_delivery(session, ours, 200 + number, NOW + timedelta(seconds=number), type=CrmType.CASE_CLOSED)
    first = saul.get("/integrations/log").get_data(as_text=True)
    assert "Anteriores" in first
    following = first.split("after=")[1].split('"')[0].split("&")[0]
    second = saul.get(f"/integrations/log?after={following}").get_data(as_text=True)
    assert first.count("/integrations/deliveries/") + second.count("/integrations/deliveries/") == 63
    assert rows["theirs_failed"] not in first + second
    for wrong in ("after=x", "state=lost", "type=moon.landed", "subscriber=x"):
        assert saul.get(f"/integrations/log?{wrong}").status_code == 422


def test_a_delivery_shows_its_tries_and_what_was_sent(saul: Browser, rows: dict[str, str]) -> None:
    page = saul.get(f"/integrations/deliveries/{rows['failed']}").get_data(as_text=True)
    assert "168 ms" in page
    assert "document.clean" in page
    assert "CRM-4711" in page
    assert "/cases/" in page


@pytest.mark.parametrize("what", ["pause", "resume", "test", "replay"])
def test_another_company_s_integration_is_none(
    saul: Browser, rows: dict[str, str], sqlite_database: Database, what: str
) -> None:
    for subscriber in (rows["theirs"], new_id()):
        data = {"since": "2026-01-01"}
        assert saul.post(f"/integrations/{subscriber}/{what}", data).status_code == 404
    assert events(sqlite_database) == []


def test_another_company_s_delivery_is_none(saul: Browser, rows: dict[str, str], sqlite_database: Database) -> None:
    assert saul.get(f"/integrations/deliveries/{rows['theirs_failed']}").status_code == 404
    assert saul.post(f"/integrations/deliveries/{rows['theirs_failed']}/replay").status_code == 404
    assert delivery(sqlite_database, rows["theirs_failed"]).state == DeliveryState.FAILED
    page = saul.get(f"/integrations/log?subscriber={rows['theirs']}").get_data(as_text=True)
    assert rows["theirs_failed"] not in page
