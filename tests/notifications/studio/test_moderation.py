"""What the platform says about templates changes what is sent, in whatever order its words arrive."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from audit import Event
from notifications.whatsapp.library import NAMES, REQUEST
from records.alarms import Alarm
from records.messages import InboundEvent
from records.organizations import Organization
from records.templates import MessageTemplate, TemplateAccount, TemplateStatus
from storage.database import utcnow
from tests.notifications.studio.conftest import Studio


@pytest.mark.parametrize("event", ["REJECTED", "PAUSED", "DISABLED", "IN_APPEAL", "ARCHIVED", "LIMIT_EXCEEDED"])
def test_what_the_platform_stops_is_not_sent_and_what_it_approves_is(studio: Studio, event: str) -> None:
    studio.approved("es_MX")
    studio.review(event=event, reason="ABUSIVE_CONTENT")
    stopped = studio.template()
    assert (stopped.status, stopped.reason, stopped.may_leave()) == (event.lower(), "ABUSIVE_CONTENT", False)
    assert studio.events()[-1] == Event.COURIER_MESSAGE_TEMPLATE_CHANGED
    studio.courier.stage.pass_time(2)
    studio.review(event="APPROVED", reason="NONE")
    assert (studio.template().status, studio.template().reason) == (TemplateStatus.APPROVED, None)


def emit(studio: Studio, field: str, **value: Any) -> None:
    """Send one update about the request's template, and take it in."""
    known = studio.template()
    about = {
        "message_template_id": int(known.remote_id or 0),
        "message_template_name": known.name,
        "message_template_language": known.language,
    }
    studio.courier.stage.sim("events", {"field": field, "value": about | value})
    studio.take_in()


@pytest.mark.parametrize(
    ("event", "status"), [("REINSTATED", "approved"), ("UNARCHIVED", "approved"), ("LOCKED", "disabled")]
)
def test_rare_words_are_understood(studio: Studio, event: str, status: str) -> None:
    studio.approved("es_MX")
    studio.review(event="PAUSED")
    studio.courier.stage.pass_time(2)
    emit(studio, "message_template_status_update", event=event)
    assert studio.template().status == status


def test_an_unknown_word_changes_nothing_and_has_the_list_read(studio: Studio) -> None:
    studio.approved("es_MX")
    studio.sync()
    emit(studio, "message_template_status_update", event="SPARKLING")
    assert studio.template().status == TemplateStatus.APPROVED
    due = studio.account().due_at
    assert due is not None
    assert due < utcnow() + timedelta(minutes=6)


def test_an_older_word_that_comes_late_does_not_count(studio: Studio) -> None:
    studio.approved("es_MX")
    studio.courier.stage.sim("webhook", {"url": ""})  # the first delivery is lost on its way
    studio.courier.stage.sim(f"templates/{studio.template().remote_id}", {"event": "PAUSED"})
    with studio.database.transaction() as session:
        row = session.get_one(MessageTemplate, studio.template().id)
        row.status_at = utcnow() + timedelta(minutes=1)  # a newer word was heard
    emit_late(studio, event="PAUSED", at=utcnow())
    assert studio.template().status == TemplateStatus.APPROVED


def emit_late(studio: Studio, *, event: str, at: Any) -> None:
    """Put an update into the rows as the gateway would."""
    known = studio.template()
    with studio.database.transaction() as session:
        sender = studio.courier.gateway.company.sender_id
        session.add(
            InboundEvent(
                org_id=studio.org_id,
                sender_id=sender,
                dedup_key=f"h:late-{event}",
                kind="template",
                fields={
                    "waba_id": studio.waba_id,
                    "field": "message_template_status_update",
                    "event": event,
                    "template_id": known.remote_id or "",
                    "name": known.name,
                    "language": known.language,
                },
                at=at,
                received_at=utcnow(),
                due_at=utcnow(),
            )
        )
    studio.courier.take_in()


def test_a_template_that_becomes_marketing_is_an_alarm_and_is_stopped_where_wanted(studio: Studio) -> None:
    studio.approved("es_MX")
    emit(studio, "template_category_update", correct_category="MARKETING", category_update_timestamp=1)
    assert (studio.template().coming_category, studio.template().drifted) == ("MARKETING", False)
    studio.review(category="MARKETING")
    drifted = studio.template()
    assert (drifted.category, drifted.coming_category, drifted.drifted) == ("MARKETING", None, True)
    assert studio.events()[-1] == Event.COURIER_MESSAGE_TEMPLATE_RECATEGORISED
    assert drifted.may_leave()
    studio.courier.change(TemplateAccount, studio.account().id, refuse_marketing=True)
    assert not studio.template().may_leave()
    studio.review(category="UTILITY")
    assert studio.template().may_leave()


def test_the_quality_that_customers_give_is_kept(studio: Studio) -> None:
    studio.approved("es_MX")
    emit(studio, "message_template_quality_update", previous_quality_score="GREEN", new_quality_score="RED")
    assert studio.template().quality == "RED"
    assert studio.events()[-1] == Event.COURIER_MESSAGE_TEMPLATE_RATED


def test_a_language_with_a_hyphen_and_no_id_is_found(studio: Studio) -> None:
    studio.approved("es_MX")
    value = {"event": "PAUSED", "message_template_name": REQUEST, "message_template_language": "es-MX"}
    studio.courier.stage.sim("events", {"field": "message_template_status_update", "value": value})
    studio.take_in()
    assert studio.template().status == TemplateStatus.PAUSED


def test_a_word_about_the_one_that_was_deleted_before_does_not_count(studio: Studio) -> None:
    studio.approved("es_MX")
    emit(studio, "message_template_status_update", event="DISABLED", message_template_id=424242)
    assert studio.template().status == TemplateStatus.APPROVED


def test_updates_about_an_account_that_nobody_opened_are_settled(studio: Studio) -> None:
    value = {"event": "APPROVED", "message_template_id": 1, "message_template_name": REQUEST}
    studio.courier.stage.sim("events", {"field": "message_template_status_update", "value": value})
    studio.take_in()
    with studio.database.reading() as session:
        assert session.scalars(select(InboundEvent)).one().processed_at is not None
        assert session.scalars(select(MessageTemplate)).all() == []


def test_another_companys_webhook_does_not_touch_our_templates(studio: Studio) -> None:
    studio.approved("es_MX")
    with studio.database.transaction() as session:
        other = Organization(slug="other", name="Other", created_at=utcnow())
        session.add(other)
        session.flush()
        session.add(TemplateAccount(org_id=other.id, waba_id="777", synced_at=utcnow()))
        event = InboundEvent(
            org_id=other.id,
            sender_id=studio.courier.gateway.company.sender_id,
            dedup_key="h:stranger",
            kind="template",
            fields={
                "waba_id": "777",
                "field": "message_template_status_update",
                "event": "DISABLED",
                "template_id": studio.template().remote_id or "",
                "name": REQUEST,
                "language": "es_MX",
            },
            received_at=utcnow(),
            due_at=utcnow(),
        )
        session.add(event)
    studio.courier.take_in()
    assert studio.template().status == TemplateStatus.APPROVED


def test_a_message_waits_for_its_template_and_goes_when_it_is_approved(studio: Studio) -> None:
    studio.approved("es_MX")
    studio.sync()
    for name in NAMES:
        studio.review(name, event="PAUSED")
    message = studio.courier.queue()
    studio.courier.turn()
    waiting = studio.courier.message(message)
    assert (waiting.state, waiting.waits_for) == ("queued", "template")
    assert alarms(studio) == {(f"{name}/es_MX", "paused", True) for name in NAMES}
    studio.courier.stage.pass_time(2)
    studio.review(event="APPROVED", other_info={"title": "UNPAUSE"})
    assert studio.courier.turn() == 1
    assert studio.courier.message(message).state == "accepted"
    assert (f"{REQUEST}/es_MX", "paused", False) in alarms(studio)


def test_a_template_that_the_platform_paused_without_telling_is_found_out_by_the_refusal(studio: Studio) -> None:
    studio.approved("es_MX")
    studio.sync()
    studio.courier.change(TemplateAccount, studio.account().id, synced_at=utcnow() - timedelta(hours=1))
    studio.courier.stage.sim("webhook", {"url": "http://127.0.0.1:9/"})
    studio.courier.stage.sim(f"templates/{studio.template().remote_id}", {"event": "PAUSED"})
    message = studio.courier.queue()
    studio.courier.turn()
    assert studio.sync() == 1
    assert studio.template().status == TemplateStatus.PAUSED
    studio.courier.turn()
    (_, attempt) = studio.courier.attempts(message)
    assert attempt.template == "recordatorio_documentos_v1/es_MX"


def alarms(studio: Studio) -> set[tuple[str, str, bool]]:
    with studio.database.reading() as session:
        return {(row.subject, row.code, row.closed_at is None) for row in session.scalars(select(Alarm))}


def test_drift_and_bad_quality_page_somebody(studio: Studio) -> None:
    studio.approved("es_MX")
    studio.review(category="MARKETING")
    emit(studio, "message_template_quality_update", previous_quality_score="GREEN", new_quality_score="RED")
    subject = f"{REQUEST}/es_MX"
    assert alarms(studio) == {(subject, "MARKETING", True), (subject, "quality_red", True)}
    studio.review(category="UTILITY")
    assert (subject, "MARKETING", False) in alarms(studio)
