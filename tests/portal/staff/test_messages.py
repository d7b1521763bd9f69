"""Messages that wait, are held, failed or were never confirmed: why, and what a person may do with each."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from audit import AuditEvent, Event
from records.alarms import Alarm, AlarmKind, raise_alarm
from records.breakers import Breaker, Scope, open_breaker
from records.links import newest_link, revoke
from records.messages import Channel, Message, MessageState, WaitReason
from records.organizations import Organization
from records.senders import WhatsAppSender
from storage.database import Database, utcnow
from tests.notifications.delivery.outbox import a_sender
from tests.portal.staff.company import Company
from tests.portal.staff.conftest import Browser

Enter = Callable[[str], Browser]


def a_message(company: Company, database: Database, **values: object) -> Message:
    """A message of Eva's case, changed a while ago."""
    now = utcnow()
    with database.transaction() as session:
        request = company.a_request(session, company.a_case(session, now=now), now=now, message=None)
        message = company.a_message(session, request, now=now, **values)
        message.changed_at = now - timedelta(minutes=10)
        return message


def the(database: Database, message: Message) -> Message:
    """The row as it is now."""
    with database.reading() as session:
        return session.get_one(Message, message.id)


def traces(database: Database, event: Event) -> list[AuditEvent]:
    """What the trail tells of one kind."""
    with database.reading() as session:
        return list(session.scalars(select(AuditEvent).where(AuditEvent.event == event.value)))


def words(browser: Browser, path: str) -> str:
    """The words of a page."""
    body = re.sub(r"<[^>]+>", " ", browser.get(path).get_data(as_text=True))
    return " ".join(body.split())


def test_with_nothing_stuck_the_page_says_so(browser_of: Enter) -> None:
    assert "Todos los mensajes llegaron o van en camino." in words(browser_of("eva"), "/messages")


@pytest.mark.parametrize(
    ("values", "pile", "told"),
    [
        ({}, "failed", "el número no tiene WhatsApp"),
        ({"state": MessageState.UNKNOWN, "error": None}, "unknown", "no confirmó si lo recibió"),
        (
            {"state": MessageState.QUEUED, "error": "190", "waits_for": WaitReason.SENDER},
            "held",
            "El número de WhatsApp está en pausa. Lo revisa administración. Motivo: la llave de acceso",
        ),
        (
            {"state": MessageState.QUEUED, "error": None, "waits_for": WaitReason.BUDGET},
            "waiting",
            "Se acabó el cupo diario de personas nuevas en WhatsApp. Sale cuando haya lugar. Próximo intento:",
        ),
    ],
)
def test_a_stuck_message_says_why_since_when_and_what_comes_next(
    browser_of: Enter, company: Company, sqlite_database: Database, values: dict, pile: str, told: str
) -> None:
    message = a_message(company, sqlite_database, **values)
    for path in ("/messages", f"/messages?pile={pile}", f"/cases/{message.case_id}"):
        assert told in words(browser_of("eva"), path), path
    others = {"failed", "unknown", "held", "waiting"} - {pile}
    for other in others:
        assert "Aquí no hay mensajes." in words(browser_of("eva"), f"/messages?pile={other}")


def test_a_message_of_another_team_is_not_on_omars_page(
    browser_of: Enter, company: Company, sqlite_database: Database
) -> None:
    a_message(company, sqlite_database)
    assert "Todos los mensajes llegaron" in words(browser_of("omar"), "/messages")


def test_a_failed_message_goes_again_with_an_open_link(
    browser_of: Enter, company: Company, sqlite_database: Database
) -> None:
    message = a_message(company, sqlite_database)
    with sqlite_database.transaction() as session:
        link = newest_link(session, message.request_id)
        assert link is not None
        revoke(session, link, now=utcnow())
    answer = browser_of("eva").post(f"/messages/{message.id}/retry", {"back": "messages"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/messages")
    again = the(sqlite_database, message)
    assert (again.state, again.waits_for, again.tries) == (MessageState.QUEUED, None, 0)
    assert again.link_id != link.id
    assert again.due_at is not None
    assert len(traces(sqlite_database, Event.STAFF_MESSAGE_RETRIED)) == 1
    assert browser_of("eva").post(f"/messages/{message.id}/retry").status_code == 409, "twice is once"


def test_an_unknown_outcome_is_not_repeated_before_a_status_had_time_to_come(
    browser_of: Enter, company: Company, sqlite_database: Database
) -> None:
    message = a_message(company, sqlite_database, state=MessageState.UNKNOWN, error=None)
    with sqlite_database.transaction() as session:
        session.get_one(Message, message.id).changed_at = utcnow() - timedelta(seconds=60)
    eva = browser_of("eva")
    assert "Reintentar" not in words(eva, "/messages?pile=unknown")
    for way in ("retry", "move", "cancel"):
        assert eva.post(f"/messages/{message.id}/{way}", {"channel": "email"}).status_code == 409, way
    with sqlite_database.transaction() as session:
        session.get_one(Message, message.id).changed_at = utcnow() - timedelta(seconds=121)
    assert eva.post(f"/messages/{message.id}/retry").status_code == 303


def test_a_message_goes_by_another_channel(browser_of: Enter, company: Company, sqlite_database: Database) -> None:
    message = a_message(company, sqlite_database)
    assert "Enviar por correo" not in words(browser_of("eva"), "/messages")
    with sqlite_database.transaction() as session:
        session.get_one(Organization, company.org.id).mail_from = "avisos@credito.example"
        session.get_one(Message, message.id).request.party.email = "ana@example.com"
    assert "Enviar por correo" in words(browser_of("eva"), "/messages")
    eva = browser_of("eva")
    for wrong in ("whatsapp", "pigeon", ""):
        assert eva.post(f"/messages/{message.id}/move", {"channel": wrong}).status_code == 422, wrong
    assert eva.post(f"/messages/{message.id}/move", {"channel": "email"}).status_code == 303
    moved = the(sqlite_database, message)
    assert (moved.channel, moved.pinned, moved.state) == (Channel.EMAIL, True, MessageState.QUEUED)
    (trace,) = traces(sqlite_database, Event.STAFF_MESSAGE_MOVED)
    assert trace.details["channel"] == "email"


def test_a_message_that_has_not_left_can_be_stopped(
    browser_of: Enter, company: Company, sqlite_database: Database
) -> None:
    message = a_message(company, sqlite_database, state=MessageState.QUEUED, error=None, waits_for=WaitReason.BACKOFF)
    eva = browser_of("eva")
    assert eva.post(f"/messages/{message.id}/cancel").status_code == 303
    stopped = the(sqlite_database, message)
    assert (stopped.state, stopped.error, stopped.due_at) == (MessageState.CANCELLED, "by_staff", None)
    assert len(traces(sqlite_database, Event.STAFF_MESSAGE_CANCELLED)) == 1
    assert eva.post(f"/messages/{message.id}/cancel").status_code == 409


@pytest.mark.parametrize("way", ["retry", "move", "cancel"])
def test_what_the_courier_holds_at_this_moment_is_left_alone(
    browser_of: Enter, company: Company, sqlite_database: Database, way: str
) -> None:
    message = a_message(company, sqlite_database, state=MessageState.QUEUED, error=None, waits_for=WaitReason.BACKOFF)
    with sqlite_database.transaction() as session:
        session.get_one(Message, message.id).lease_until = utcnow() + timedelta(seconds=30)
    assert browser_of("eva").post(f"/messages/{message.id}/{way}", {"channel": "email"}).status_code == 409


@pytest.mark.parametrize("state", [MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.READ])
def test_what_arrived_cannot_be_sent_again_or_stopped(
    browser_of: Enter, company: Company, sqlite_database: Database, state: MessageState
) -> None:
    message = a_message(company, sqlite_database, state=state, error=None)
    for way in ("retry", "move", "cancel"):
        assert browser_of("eva").post(f"/messages/{message.id}/{way}", {"channel": "email"}).status_code == 409


def test_a_contact_in_doubt_is_confirmed_by_a_person(
    browser_of: Enter, company: Company, sqlite_database: Database
) -> None:
    message = a_message(company, sqlite_database, state=MessageState.QUEUED, error=None, waits_for=WaitReason.VERIFY)
    with sqlite_database.transaction() as session:
        party = session.get_one(Message, message.id).request.party
        party.verify_since = utcnow()
        party_id = party.id
    eva = browser_of("eva")
    assert "El número pudo cambiar de dueño" in words(eva, f"/cases/{message.case_id}")
    assert "Sigue siendo suyo" not in words(browser_of("carla"), f"/cases/{message.case_id}")
    assert eva.post(f"/parties/{party_id}/confirm").status_code == 303
    assert eva.post(f"/parties/{party_id}/confirm").status_code == 409
    assert len(traces(sqlite_database, Event.STAFF_CONTACT_VERIFIED)) == 1
    assert the(sqlite_database, message).due_at <= utcnow()
    assert "El número pudo cambiar de dueño" not in words(eva, f"/cases/{message.case_id}").split("Historia")[0]


def a_stopped_number(company: Company, database: Database) -> tuple[str, str]:
    """A number whose token ended, with an alarm; return the ids of number and breaker."""
    now = utcnow()
    with database.transaction() as session:
        sender = a_sender(company.org.id)
        session.add(sender)
        session.flush()
        where = {"org_id": company.org.id, "now": now}
        open_breaker(session, Scope.SENDER, sender.id, reason="190", until=None, **where)
        raise_alarm(session, AlarmKind.SENDER, subject=sender.id, code="190", **where)
        return sender.id, session.scalars(select(Breaker.id)).one()


def test_resuming_a_number_sends_what_it_held(browser_of: Enter, company: Company, sqlite_database: Database) -> None:
    _, breaker_id = a_stopped_number(company, sqlite_database)
    message = a_message(company, sqlite_database, state=MessageState.QUEUED, error=None, waits_for=WaitReason.SENDER)
    with sqlite_database.transaction() as session:
        session.get_one(Message, message.id).held_by = breaker_id
    saul = browser_of("saul")
    page = words(saul, "/administration/sending")
    assert "En pausa 0 de 250 personas nuevas en 24 horas" in page
    assert "la llave de acceso a WhatsApp venció" in page
    assert "1 mensaje espera" in page
    assert "Motivo: la llave de acceso a WhatsApp venció." in words(browser_of("eva"), "/messages")
    assert saul.post(f"/breakers/{breaker_id}/close").status_code == 303
    assert the(sqlite_database, message).due_at <= utcnow()
    assert len(traces(sqlite_database, Event.STAFF_BREAKER_CLOSED)) == 1
    assert saul.post(f"/breakers/{breaker_id}/close").status_code == 409
    assert "Enviando" in words(saul, "/administration/sending")


def test_an_alarm_stays_until_somebody_closes_it_and_comes_back_when_it_happens_again(
    browser_of: Enter, company: Company, sqlite_database: Database
) -> None:
    sender_id, _ = a_stopped_number(company, sqlite_database)
    saul = browser_of("saul")
    assert "Un número dejó de enviar" in words(saul, "/administration/sending")
    with sqlite_database.reading() as session:
        alarm_id = session.scalars(select(Alarm.id)).one()
    assert saul.post(f"/alarms/{alarm_id}/close").status_code == 303
    assert "Ninguna." in words(saul, "/administration/sending")
    with sqlite_database.transaction() as session:
        raise_alarm(session, AlarmKind.SENDER, org_id=company.org.id, subject=sender_id, code="190", now=utcnow())
    assert "Un número dejó de enviar" in words(saul, "/administration/sending")
    assert len(traces(sqlite_database, Event.COURIER_ALARM_RAISED)) == 2


def test_another_companys_stops_and_alarms_cannot_be_closed(
    browser_of: Enter, company: Company, sqlite_database: Database
) -> None:
    _, breaker_id = a_stopped_number(company, sqlite_database)
    with sqlite_database.transaction() as session:
        other = Organization(slug="otra", name="Otra", created_at=utcnow())
        session.add(other)
        session.flush()
        for row in (*session.scalars(select(Breaker)), *session.scalars(select(Alarm))):
            row.org_id = other.id
        alarm_id = session.scalars(select(Alarm.id)).one()
        session.scalars(select(WhatsAppSender)).one().org_id = other.id
    saul = browser_of("saul")
    assert saul.post(f"/breakers/{breaker_id}/close").status_code == 404
    assert saul.post(f"/alarms/{alarm_id}/close").status_code == 404
    assert "Todavía no hay ningún número." in words(saul, "/administration/sending")
