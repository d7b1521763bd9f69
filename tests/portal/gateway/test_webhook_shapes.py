"""Hand-written deliveries through the real address, in the form before April 2026 and the current one."""

import json

import pytest
from sqlalchemy import func, select

from records.messages import InboundEvent
from tests.notifications.whatsapp.shapes import (
    ANA,
    ANA_USER,
    CONTACT,
    OLD_CONTACT,
    a_change,
    a_delivery,
    a_message,
    a_status,
    raw,
    without,
)

FAILED = {"status": "failed", "errors": [{"code": 131026, "title": "Message undeliverable", "href": "https://x"}]}
OLD_STATUS = without(a_status(), "recipient_user_id", "pricing")
OLD_MESSAGE = without(a_message(), "from_user_id")


def stored(gateway):
    with gateway.database.reading() as session:
        return list(session.scalars(select(InboundEvent).order_by(InboundEvent.dedup_key)))


def facts(row):
    return row.kind, row.wamid, row.status, row.phone, row.bsuid


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        pytest.param(
            a_delivery(a_change(contacts=[OLD_CONTACT], statuses=[OLD_STATUS])),
            ("status", "wamid.A", "delivered", ANA, None),
            id="a status of before April",
        ),
        pytest.param(
            a_delivery(a_change(contacts=[CONTACT], statuses=[a_status()])),
            ("status", "wamid.A", "delivered", ANA, ANA_USER),
            id="a status of now",
        ),
        pytest.param(
            a_delivery(a_change(statuses=[a_status(**FAILED)])),
            ("status", "wamid.A", "failed", ANA, ANA_USER),
            id="a failure, which comes without contacts",
        ),
        pytest.param(
            a_delivery(a_change(statuses=[without(a_status(**FAILED), "recipient_id", "recipient_user_id")])),
            ("status", "wamid.A", "failed", None, None),
            id="a failure that names nobody",
        ),
        pytest.param(
            a_delivery(a_change(contacts=[OLD_CONTACT], messages=[OLD_MESSAGE])),
            ("message", "wamid.B", None, ANA, None),
            id="a message of before April",
        ),
        pytest.param(
            a_delivery(a_change(contacts=[CONTACT], messages=[a_message()])),
            ("message", "wamid.B", None, ANA, ANA_USER),
            id="a message of now",
        ),
        pytest.param(
            a_delivery(a_change(contacts=[without(CONTACT, "wa_id")], messages=[without(a_message(), "from")])),
            ("message", "wamid.B", None, None, ANA_USER),
            id="a message of a person without a phone",
        ),
        pytest.param(
            a_delivery(a_change(messages=[without(a_message(), "from", "from_user_id")])),
            ("message", "wamid.B", None, None, None),
            id="a message that names nobody",
        ),
        pytest.param(
            a_delivery(
                a_change(
                    messages=[
                        a_message(type="system", system={"type": "user_changed_number", "wa_id": "5215500000000"})
                    ]
                )
            ),
            ("message", "wamid.B", None, ANA, ANA_USER),
            id="a changed number, which comes without contacts",
        ),
    ],
)
def test_each_form_is_stored_whole(gateway, body, wanted):
    assert gateway.webhook(body).status_code == 200
    (row,) = stored(gateway)
    assert facts(row) == wanted


def test_unknown_fields_and_changed_shapes_lose_nothing(gateway):
    status = a_status(extra={"deep": [1, {"a": None}]}, timestamp=1793000001)
    body = a_delivery(a_change(contacts={"wa_id": ANA}, statuses=status, surprise=[1]), a_change("a_new_field", x=1))
    assert gateway.webhook(body).status_code == 200
    assert [row.kind for row in stored(gateway)] == ["other", "status"]


def test_text_in_escapes_is_signed_as_it_travels(gateway):
    body = a_delivery(a_change(contacts=[CONTACT], messages=[a_message(text={"body": "Mañana 🙂"})]))
    assert b"\\u" in body
    assert gateway.webhook(body).status_code == 200
    again = json.dumps(json.loads(body), ensure_ascii=False).encode()
    from_the_platform = gateway.webhook(body, signature=None)
    assert from_the_platform.status_code == 401
    assert again != body
    assert len(stored(gateway)) == 1


def test_a_thousand_updates_over_several_entries_and_changes_are_a_thousand_rows(gateway):
    entries = []
    for entry in range(10):
        changes = []
        for change in range(10):
            marks = [f"{entry}.{change}.{number}" for number in range(5)]
            statuses = [a_status(f"wamid.S{mark}") for mark in marks]
            messages = [a_message(f"wamid.M{mark}") for mark in marks]
            changes.append(a_change(statuses=statuses, messages=messages))
        entries.append({"id": str(entry), "time": 1_793_000_000, "changes": changes})
    body = raw({"object": "whatsapp_business_account", "entry": entries})
    for _ in range(2):
        assert gateway.webhook(body).status_code == 200
    with gateway.database.reading() as session:
        counted = session.execute(select(InboundEvent.kind, func.count()).group_by(InboundEvent.kind)).all()
    assert sorted((row[0], row[1]) for row in counted) == [("message", 500), ("status", 500)]


def test_template_and_account_updates_keep_what_they_say(gateway):
    template = a_change("message_template_status_update", event="PAUSED", message_template_id=12, reason="NONE")
    account = a_change("account_update", event="ACCOUNT_RESTRICTION", restriction_info=[{"restriction_type": "x"}])
    gateway.webhook(a_delivery(template, account))
    rows = {row.kind: row.fields for row in stored(gateway)}
    assert rows["template"]["event"] == "PAUSED"
    assert rows["template"]["template_id"] == "12"
    assert rows["account"]["event"] == "ACCOUNT_RESTRICTION"
