"""Webhooks of WhatsApp: only what the platform signed is stored, each update once, none lost in silence."""

import hashlib
import json
import time
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from portal.gateway import appsecrets
from records.messages import InboundEvent
from records.senders import WhatsAppSender
from storage.database import utcnow
from tests.portal.gateway.company import BOX, NOBODY, VERIFY_TOKEN, signed


def an_update(*statuses, **value):
    listed = [
        {"id": wamid, "status": status, "timestamp": "1790000000", "recipient_id": "5215512345678"}
        for wamid, status in statuses
    ]
    change = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "10"}, "statuses": listed, **value}
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "20", "changes": [{"field": "messages", "value": change}]}],
    }


def stored(gateway):
    with gateway.database.reading() as session:
        return list(session.scalars(select(InboundEvent).order_by(InboundEvent.dedup_key)))


def test_a_signed_update_is_stored_before_the_200(gateway):
    assert gateway.webhook(an_update(("w.1", "sent"), ("w.1", "delivered"))).status_code == 200
    rows = stored(gateway)
    assert [(row.wamid, row.status, row.kind) for row in rows] == [
        ("w.1", "delivered", "status"),
        ("w.1", "sent", "status"),
    ]
    assert all(row.due_at is not None and row.processed_at is None for row in rows)
    assert {row.sender_id for row in rows} == {gateway.company.sender_id}


def test_repetitions_are_stored_once(gateway):
    body = an_update(("w.1", "sent"), ("w.1", "sent"))
    for _ in range(3):
        assert gateway.webhook(body).status_code == 200
    assert gateway.webhook(an_update(("w.2", "sent"), ("w.1", "sent"))).status_code == 200
    assert [row.wamid for row in stored(gateway)] == ["w.1", "w.2"]


def test_what_another_company_signed_does_not_swallow_an_update(gateway):
    body = an_update(("w.1", "sent"))
    assert gateway.webhook(body, company=gateway.other).status_code == 200
    assert gateway.webhook(body).status_code == 200
    assert {row.org_id for row in stored(gateway)} == {gateway.company.org_id, gateway.other.org_id}


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        "sha1=" + "0" * 40,
        "sha256=" + "x" * 64,
        lambda raw, secret: signed(raw, b"another secret"),
        lambda raw, secret: signed(raw + b" ", secret),
        lambda raw, secret: signed(raw, b""),
        lambda raw, secret: signed(raw, secret).removeprefix("sha256="),
    ],
)
def test_an_update_that_is_not_signed_by_the_platform_is_refused(quick, signature):
    raw = json.dumps(an_update(("w.1", "sent"))).encode()
    given = signature(raw, quick.company.secret) if callable(signature) else signature
    answer = quick.webhook(raw, signature=given)
    assert (answer.status_code, answer.json["code"]) == (401, "webhook_refused")
    assert stored(quick) == []


def test_the_secret_of_one_sender_does_not_open_anothers_address(quick):
    answer = quick.webhook(an_update(("w.1", "sent")), company=quick.other, sender_id=quick.company.sender_id)
    assert answer.status_code == 401
    assert stored(quick) == []


def test_an_unknown_sender_looks_like_a_wrong_signature(quick):
    unknown = quick.webhook(an_update(), sender_id=NOBODY)
    wrong = quick.webhook(an_update(), signature="sha256=" + "0" * 64)
    assert unknown.status_code == wrong.status_code == 401
    assert unknown.json | {"reference": ""} == wrong.json | {"reference": ""}


@pytest.mark.parametrize("sender_id", ["%00", "x", "..%2f"])
def test_an_address_that_is_none_is_not_found(gateway, sender_id):
    assert gateway.webhook(an_update(), sender_id=sender_id).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"object": "something_new", "entry": [{"id": "1", "changes": [{"field": "new_field", "value": {"x": 1}}]}]},
        an_update(surprise={"deep": [1, 2, {"a": None}]}),
        {"entry": []},
        {},
        b"not json",
        b"",
        b"[" * 50_000,
        an_update(("w.1", "a status of tomorrow")),
        an_update(("w" * 5000, "sent")),
        an_update(("w\x00.1", "sent\x00")),
        an_update(("\ud800", "sent")),
        an_update((None, None)),
        an_update(("w.1", "sent"), statuses="text"),
        an_update(statuses=[{"id": "w", "status": "sent", "biz_opaque_callback_data": "o\x00" * 900}]),
        an_update(statuses=[{"id": "w", "status": "failed", "errors": [{"code": 10**400}]}]),
        an_update(statuses=[{"id": "w", "status": "sent", "timestamp": "9" * 40}]),
    ],
)
def test_whatever_is_signed_is_stored_and_answered_with_200(gateway, body):
    assert gateway.webhook(body).status_code == 200
    assert len(stored(gateway)) >= 1


def test_three_megabytes_of_updates_are_stored(gateway):
    body = an_update(*((f"wamid.{number:06d}", "delivered") for number in range(25_000)))
    raw = json.dumps(body).encode()[: 3 * 1024 * 1024]
    number = 0
    while len(raw) >= 3 * 1024 * 1024:  # as many whole updates as the platform's largest delivery holds
        number += 1_000
        body = an_update(*((f"wamid.{each:06d}", "delivered") for each in range(25_000 - number)))
        raw = json.dumps(body).encode()
    assert len(raw) > 2_500_000
    assert gateway.webhook(raw).status_code == 200
    with gateway.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(InboundEvent)) == 25_000 - number


def test_a_larger_body_is_refused_unread(quick):
    answer = quick.webhook(b"x" * (4 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json["code"]) == (413, "too_large")


def test_the_handshake_answers_its_challenge(quick):
    query = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "1158201444"}
    path = f"/webhooks/whatsapp/{quick.company.sender_id}"
    answer = quick.app.test_client().get(path, query_string=query)
    assert (answer.status_code, answer.get_data(as_text=True), answer.mimetype) == (200, "1158201444", "text/plain")


@pytest.mark.parametrize(
    "wrong",
    [
        {"hub.mode": "unsubscribe"},
        {"hub.verify_token": "another"},
        {"hub.verify_token": hashlib.sha256(VERIFY_TOKEN.encode()).hexdigest()},
        {"hub.challenge": "<script>"},
        {"hub.challenge": ""},
        {"hub.challenge": "1" * 129},
    ],
)
def test_a_wrong_handshake_is_refused(quick, wrong):
    query = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "1158201444"} | wrong
    answer = quick.app.test_client().get(f"/webhooks/whatsapp/{quick.company.sender_id}", query_string=query)
    assert answer.status_code == 401


def test_of_an_inbound_message_neither_words_nor_names_are_kept(quick):
    picture = {"id": "77", "mime_type": "image/jpeg", "sha256": "aGFzaA==", "url": "https://lookaside.example/77"}
    report = {"id": "78", "mime_type": "application/pdf", "filename": "INE-Ana-Torres.pdf", "caption": "mi CURP"}
    messages = [
        {"type": "text", "text": {"body": "mi CURP es XEXX010101HNEXXXA4"}},
        {"type": "image", "image": picture | {"caption": "mi CURP"}},
        {"type": "document", "document": report},
        {"type": "contacts", "contacts": [{"name": {"formatted_name": "Ana Torres"}}]},
        {"type": "location", "location": {"address": "CURP 12"}},
        {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": "CURP"}}},
    ]
    messages = [
        {"from": "5215512345678", "id": f"wamid.{number}", "timestamp": "1790000000"} | message
        for number, message in enumerate(messages)
    ]
    contact = {"profile": {"name": "Ana Torres", "username": "ana.torres"}, "wa_id": "5215512345678"}
    quick.webhook(an_update(messages=messages, contacts=[contact]))
    rows = [row for row in stored(quick) if row.kind == "message"]
    assert len(rows) == len(messages)
    told = " ".join(str(value) for row in rows for value in vars(row).values())
    assert not any(secret in told for secret in ("CURP", "Ana", "ana", "lookaside", "INE"))


def sign_with(gateway, secret):
    """A delivery signed with another secret; return its status."""
    raw = json.dumps(an_update(("w.1", "sent"))).encode()
    return gateway.webhook(raw, signature=signed(raw, secret)).status_code


def rotate(gateway, **columns):
    with gateway.database.transaction() as session:
        row = session.get_one(WhatsAppSender, gateway.company.sender_id)
        for column, value in columns.items():
            sealed = isinstance(value, bytes)
            where = {"table": "whatsapp_senders", "row": row.id, "column": column}
            setattr(row, column, BOX.seal(value, **where) if sealed else value)


def test_while_a_secret_is_renewed_both_sign(gateway):
    assert sign_with(gateway, gateway.company.secret) == 200
    later = utcnow() + timedelta(days=7)
    rotate(gateway, app_secret_boxed=b"new", old_app_secret_boxed=gateway.company.secret, old_app_secret_until=later)
    assert sign_with(gateway, b"new") == 200
    assert sign_with(gateway, gateway.company.secret) == 200
    assert sign_with(gateway, b"neither") == 401


def test_an_old_secret_that_has_run_out_signs_no_more(gateway):
    before = utcnow() - timedelta(seconds=1)
    rotate(gateway, app_secret_boxed=b"new", old_app_secret_boxed=gateway.company.secret, old_app_secret_until=before)
    assert sign_with(gateway, gateway.company.secret) == 401
    rotate(gateway, old_app_secret_until=None)
    assert sign_with(gateway, gateway.company.secret) == 401
    assert sign_with(gateway, b"new") == 200


def test_a_secret_that_was_dropped_signs_only_a_moment_longer(gateway, monkeypatch):
    later = utcnow() + timedelta(days=7)
    rotate(gateway, app_secret_boxed=b"new", old_app_secret_boxed=gateway.company.secret, old_app_secret_until=later)
    assert sign_with(gateway, gateway.company.secret) == 200
    rotate(gateway, old_app_secret_boxed=None)
    monkeypatch.setattr(appsecrets.time, "monotonic", lambda: time.perf_counter() + 10**9)
    assert sign_with(gateway, gateway.company.secret) == 401
