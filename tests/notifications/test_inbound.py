"""Statuses from the simulator through the real webhook: forward only, in any order, any number of times."""

import itertools

import pytest
from sqlalchemy import func, select

from audit import AuditEvent
from notifications.inbound.storing import Delivery, Receiver, store
from notifications.whatsapp.errors import ApiError
from notifications.whatsapp.events import EventKind, WebhookEvent
from records.messages import InboundEvent, MessageState
from storage.database import utcnow

LADDER = ("sent", "delivered", "read")


@pytest.fixture
def accepted(courier):
    """A message that the platform took."""
    message_id = courier.queue()
    courier.turn()
    return message_id


def arrive(courier, message_id, *statuses, company=None, opaque=True, **more):
    """Store statuses as the gateway does, in this order, and take each in."""
    message = courier.message(message_id)
    company = company or courier.gateway.company
    for status in statuses:
        event = WebhookEvent(
            kind=EventKind.STATUS,
            key=f"s:{message.wamid}:{status}:{company.org_id}",
            wamid=message.wamid or "w",
            status=status,
            opaque=courier.attempts(message_id)[-1].id if opaque else "",
            errors=(ApiError(code=131026),) if status == "failed" else (),
            **more,
        )
        with courier.database.transaction() as session:
            receiver = Receiver(sender_id=company.sender_id, org_id=company.org_id)
            store(session, [Delivery(receiver=receiver, events=[event])], now=utcnow())
        courier.take_in()
    return courier.message(message_id)


def test_statuses_climb_as_the_platform_reports_them(courier, accepted):
    courier.stage.pass_time(0.5)
    courier.take_in()
    assert courier.message(accepted).state == MessageState.SENT
    courier.stage.pass_time(2)
    courier.take_in()
    assert courier.message(accepted).state == MessageState.DELIVERED
    courier.stage.sim("messages/read", {"phone": "+525512345678"})
    courier.stage.sim("flush", {})
    courier.take_in()
    assert courier.message(accepted).state == MessageState.READ


def test_duplicated_reordered_deliveries_end_the_same(courier, accepted):
    courier.stage.sim("knobs", {"duplicate": 2, "reorder": 3, "batch": 2})
    courier.stage.pass_time()
    courier.stage.sim("flush", {})
    while courier.take_in():
        pass
    assert courier.message(accepted).state == MessageState.DELIVERED
    with courier.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(InboundEvent)) == 2


@pytest.mark.parametrize("order", list(itertools.permutations(LADDER)))
def test_in_any_order_the_highest_status_stays(courier, accepted, order):
    assert arrive(courier, accepted, *order).state == MessageState.READ


@pytest.mark.parametrize("before", [("delivered",), ("sent", "delivered", "read")])
def test_a_failure_after_a_delivery_is_stale(courier, accepted, before):
    assert arrive(courier, accepted, *before, "failed").state == before[-1]


@pytest.mark.parametrize("after", ["delivered", "read"])
def test_a_delivery_after_a_failure_counts(courier, accepted, after):
    assert arrive(courier, accepted, "failed").state == MessageState.FAILED
    message = arrive(courier, accepted, after)
    assert (message.state, message.error) == (after, None)


def test_a_failure_ends_the_message_with_its_code(courier, accepted):
    message = arrive(courier, accepted, "failed")
    assert (message.state, message.error, message.due_at) == (MessageState.FAILED, "131026", None)


def test_a_failure_that_the_platform_reports_later_is_kept_with_its_code(courier):
    courier.stage.sim("phones", {"phone": "+525512345678", "fate": {"kind": "fail", "code": 131026}})
    message_id = courier.queue()
    courier.turn()
    courier.stage.pass_time()
    courier.take_in()
    message = courier.message(message_id)
    assert (message.state, message.error) == (MessageState.FAILED, "131026")


def test_a_status_without_our_id_finds_the_message_by_the_platforms(courier, accepted):
    assert arrive(courier, accepted, "delivered", opaque=False).state == MessageState.DELIVERED


def test_a_status_from_another_organizations_number_changes_nothing(courier, accepted):
    assert arrive(courier, accepted, "read", company=courier.gateway.other).state == MessageState.ACCEPTED


@pytest.mark.parametrize("status", ["", "deleted", "warning", "SENT", "queued", "cancelled"])
def test_a_status_that_means_nothing_to_us_is_settled_and_changes_nothing(courier, accepted, status):
    assert arrive(courier, accepted, status).state == MessageState.ACCEPTED
    with courier.database.reading() as session:
        (row,) = session.scalars(select(InboundEvent))
    assert row.processed_at is not None
    assert row.due_at is None


def test_an_update_about_nothing_of_ours_is_kept_and_settled(courier, accepted):
    events = [
        WebhookEvent(kind=EventKind.STATUS, key="s:stranger:sent", wamid="stranger", status="sent"),
        WebhookEvent(
            kind=EventKind.STATUS, key="s:stranger:read", wamid="x", status="read", opaque="no attempt of ours"
        ),
        WebhookEvent(kind=EventKind.MESSAGE, key="m:1", wamid="1"),
        WebhookEvent(kind=EventKind.OTHER, key="h:1"),
    ]
    with courier.database.transaction() as session:
        company = courier.gateway.company
        receiver = Receiver(sender_id=company.sender_id, org_id=company.org_id)
        delivery = Delivery(receiver=receiver, events=events)
        assert store(session, [delivery, delivery], now=utcnow()) == 4
        assert store(session, [delivery], now=utcnow()) == 0
    assert courier.take_in() == 4
    assert courier.take_in() == 0
    assert courier.message(accepted).state == MessageState.ACCEPTED


def test_an_address_is_forgotten_once_the_update_was_taken_in(courier, accepted):
    arrive(courier, accepted, "sent", phone="5215512345678", bsuid="MX.1")
    courier.stage.sim("inbound", {"phone": "+525512345678", "type": "text", "text": "Hola"})
    courier.stage.sim("flush", {})
    with courier.database.reading() as session:
        assert "5215512345678" in session.scalars(select(InboundEvent.phone))
    courier.take_in()
    with courier.database.reading() as session:
        rows = session.scalars(select(InboundEvent)).all()
    assert len(rows) == 2
    assert "5215512345678" not in " ".join(str(value) for row in rows for value in vars(row).values())


def test_each_change_leaves_one_event(courier, accepted):
    arrive(courier, accepted, "sent", "sent", "delivered", "sent")
    with courier.database.reading() as session:
        told = session.scalars(
            select(AuditEvent).where(AuditEvent.event == "gateway:status:received").order_by(AuditEvent.at)
        )
        assert [each.details["status"] for each in told] == ["sent", "delivered"]


def test_whoever_answers_baja_gets_no_further_message(courier, accepted):
    courier.stage.sim("inbound", {"phone": "+525512345678", "type": "text", "text": "BAJA"})
    courier.stage.sim("flush", {})
    further = courier.queue()
    courier.turn()
    stopped = courier.message(further)
    assert (stopped.state, stopped.error) == (MessageState.CANCELLED, "opted_out")
    assert len(courier.on_the_phone()) == 1
