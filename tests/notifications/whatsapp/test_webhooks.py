"""Signatures over raw bytes, and every documented shape of an update read in full."""

import dataclasses
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.whatsapp.events import EventKind, WebhookEvent, advance, status_rank
from notifications.whatsapp.webhooks import parse, verify_signature
from tests.notifications.whatsapp.shapes import (
    ANA,
    ANA_USER,
    CONTACT,
    OLD_CONTACT,
    PHONE_ID,
    WABA,
    a_change,
    a_delivery,
    a_message,
    a_status,
    raw,
    without,
)

SECRET = b"test-app-secret"
BODY = b'{"object":"whatsapp_business_account"}'
VECTOR = "sha256=b6978b21c4467654c466607663db9b43fae44b71083568df403e0a077089208e"


def only(body: bytes) -> WebhookEvent:
    (event,) = parse(body)
    return event


# -- signature -----------------------------------------------------------------------------------------------------


def test_the_signature_of_the_published_vector_holds() -> None:
    assert verify_signature(BODY, VECTOR, [SECRET])


def test_both_secrets_of_a_rotation_are_known() -> None:
    assert verify_signature(BODY, VECTOR, [b"new", SECRET])
    assert verify_signature(BODY, VECTOR, [SECRET, b"new"])


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        VECTOR[7:],
        "sha1=" + hmac.new(SECRET, BODY, hashlib.sha1).hexdigest(),
        VECTOR[:-1],
        VECTOR + "0",
        VECTOR.replace("sha256", "SHA256"),
        " " + VECTOR,
        VECTOR + "\n",
        VECTOR.replace("b6", "b7", 1),
        "sha256=" + "٣" * 64,
        VECTOR + "," + VECTOR,
    ],
)
def test_a_missing_weak_or_forged_signature_is_refused(header: str | None) -> None:
    assert not verify_signature(BODY, header, [SECRET])


def test_without_a_secret_nothing_is_genuine() -> None:
    empty = "sha256=" + hmac.new(b"", BODY, hashlib.sha256).hexdigest()
    assert not verify_signature(BODY, VECTOR, [])
    assert not verify_signature(BODY, empty, [b""])


def test_one_changed_byte_is_refused() -> None:
    for place in range(len(BODY)):
        altered = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
        assert not verify_signature(altered, VECTOR, [SECRET])


def test_a_body_that_was_serialised_again_is_refused() -> None:
    signed = a_delivery(a_change(messages=[a_message()]))
    header = "sha256=" + hmac.new(SECRET, signed, hashlib.sha256).hexdigest()
    assert b"\\u00f1" in signed
    assert verify_signature(signed, header, [SECRET])
    assert not verify_signature(signed.decode("unicode_escape").encode(), header, [SECRET])


# -- statuses ------------------------------------------------------------------------------------------------------


def test_a_status_is_read_in_full() -> None:
    event = only(a_delivery(a_change(contacts=[CONTACT], statuses=[a_status()])))
    assert event == WebhookEvent(
        kind=EventKind.STATUS,
        key="s:wamid.A:delivered",
        waba_id=WABA,
        phone_number_id=PHONE_ID,
        wamid="wamid.A",
        status="delivered",
        at=datetime.fromtimestamp(1793000001, UTC),
        phone=ANA,
        bsuid=ANA_USER,
        opaque="attempt-1",
        fields={"category": "utility", "billable": "true"},
    )


def test_a_failure_without_contacts_keeps_its_error() -> None:
    error = {"code": 131026, "title": "Message undeliverable", "error_data": {"details": "x"}}
    event = only(a_delivery(a_change(statuses=[a_status(status="failed", errors=[error])])))
    assert (event.status, [e.code for e in event.errors]) == ("failed", [131026])
    assert event.errors[0].title == "Message undeliverable"


@pytest.mark.parametrize("missing", [["recipient_id"], ["recipient_user_id"], ["recipient_id", "recipient_user_id"]])
def test_a_status_without_phone_or_user_id_still_counts(missing: list[str]) -> None:
    event = only(a_delivery(a_change(statuses=[without(a_status(), *missing)])))
    assert (event.key, event.opaque) == ("s:wamid.A:delivered", "attempt-1")
    assert bool(event.phone) == ("recipient_id" not in missing)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1793000001", True),
        (1793000001, True),
        (1793000001.5, True),
        ("1793000001000", True),
        ("2026-10-25T10:00:00Z", True),
        ("2026-10-25 10:00:00", True),
        ("soon", False),
        (None, False),
        ("", False),
        (-5, False),
        (10**400, False),
        ("9" * 40, False),
        (True, False),
        ({}, False),
        ("0001-01-01T00:00:00+14:00", False),
    ],
)
def test_odd_timestamps_never_cost_the_update(written: object, read: bool) -> None:
    event = only(a_delivery(a_change(statuses=[a_status(timestamp=written)])))
    assert event.key == "s:wamid.A:delivered"
    assert (event.at is not None) is read


# -- messages ------------------------------------------------------------------------------------------------------


def test_a_text_is_counted_and_its_words_stay_behind() -> None:
    event = only(a_delivery(a_change(contacts=[CONTACT], messages=[a_message(context={"from": "x", "id": "wamid.A"})])))
    assert (event.kind, event.key, event.phone, event.bsuid) == (EventKind.MESSAGE, "m:wamid.B", ANA, ANA_USER)
    assert event.fields == {"type": "text", "reply_to": "wamid.A"}


@pytest.mark.parametrize("kind", ["image", "document", "video", "audio", "sticker"])
def test_of_a_file_only_id_type_and_hash_are_kept(kind: str) -> None:
    node = {
        "id": "99",
        "mime_type": "image/jpeg",
        "sha256": "q83v",
        "caption": "mi INE",
        "filename": "ine.jpg",
        "url": "https://x",
    }
    event = only(
        a_delivery(a_change(contacts=[CONTACT], messages=[without(a_message(type=kind, **{kind: node}), "text")]))
    )
    assert event.fields == {"type": kind, "media_id": "99", "mime": "image/jpeg", "sha256": "q83v"}


def test_a_message_of_the_time_before_user_ids_is_read() -> None:
    event = only(a_delivery(a_change(contacts=[OLD_CONTACT], messages=[without(a_message(), "from_user_id")])))
    assert (event.phone, event.bsuid) == (ANA, "")


def test_a_message_of_someone_without_a_visible_phone_is_read() -> None:
    contact = without(CONTACT, "wa_id") | {"profile": {"name": "Ana", "username": "ana.m"}}
    event = only(a_delivery(a_change(contacts=[contact], messages=[without(a_message(), "from")])))
    assert (event.phone, event.bsuid) == ("", ANA_USER)


def test_a_message_without_contacts_is_not_lost() -> None:
    assert only(a_delivery(a_change(messages=[a_message()]))).key == "m:wamid.B"


def test_in_a_batch_nobody_gets_the_identity_of_another() -> None:
    other = {"profile": {"name": "Luis"}, "wa_id": "34600111222", "user_id": "ES.1"}
    bare = without(a_message("wamid.C", **{"from": "34600111222"}), "from_user_id")
    first, second = parse(a_delivery(a_change(contacts=[CONTACT, other], messages=[a_message(), bare])))
    assert (first.bsuid, second.bsuid) == (ANA_USER, "ES.1")


@pytest.mark.parametrize(
    ("node", "kept"),
    [
        ({"type": "button", "button": {"payload": "LATER", "text": "Luego"}}, {"payload": "LATER"}),
        ({"type": "interactive", "interactive": {"button_reply": {"id": "yes", "title": "Sí"}}}, {"payload": "yes"}),
        ({"type": "interactive", "interactive": {"list_reply": {"id": "r1"}}}, {"payload": "r1"}),
        (
            {"type": "system", "system": {"type": "user_changed_number", "wa_id": "521999"}},
            {"system": "user_changed_number", "changed_to": "521999"},
        ),
        (
            {"type": "system", "system": {"type": "user_changed_user_id", "user_id": "MX.9"}},
            {"system": "user_changed_user_id", "changed_to": "MX.9"},
        ),
        ({"type": "unsupported", "errors": [{"code": 131051, "title": "Unsupported"}]}, {}),
    ],
)
def test_every_kind_of_message_is_read(node: dict[str, Any], kept: dict[str, str]) -> None:
    event = only(a_delivery(a_change(messages=[without(a_message(), "text") | node])))
    assert event.fields == {"type": node["type"]} | kept
    assert [e.code for e in event.errors] == [e["code"] for e in node.get("errors", [])]


@pytest.mark.parametrize(
    "words",
    [
        "BAJA",
        " baja. ",
        "Stop",
        "SAIR!",
        "parar",
        "No deseo recibir más",
        "Não quero",
        "ALTO",
        "Cancelar",
        "Darme de baja",
    ],
)
def test_whoever_asks_for_no_more_messages_is_heard(words: str) -> None:
    event = only(a_delivery(a_change(messages=[a_message(text={"body": words})])))
    assert event.fields == {"type": "text", "stop": "1"}


@pytest.mark.parametrize("node", [{"payload": "STOP"}, {"text": "Baja"}, {"payload": "x", "text": "No deseo"}])
def test_a_quick_reply_that_asks_for_no_more_messages_is_heard(node: dict[str, Any]) -> None:
    message = without(a_message(type="button", button=node), "text")
    assert only(a_delivery(a_change(messages=[message]))).fields["stop"] == "1"


@pytest.mark.parametrize("words", ["ALTA", "start", "Volver.", "Voltar"])
def test_whoever_takes_that_back_is_heard(words: str) -> None:
    event = only(a_delivery(a_change(messages=[a_message(text={"body": words})])))
    assert event.fields == {"type": "text", "start": "1"}


@pytest.mark.parametrize(
    "words", ["¿Cómo doy de baja mi tarjeta?", "no", "stopover", "Gracias", "alta mar", "¿Puedo cancelar la cita?"]
)
def test_ordinary_words_are_no_opt_out(words: str) -> None:
    fields = only(a_delivery(a_change(messages=[a_message(text={"body": words})]))).fields
    assert "stop" not in fields
    assert "start" not in fields


# -- everything else -----------------------------------------------------------------------------------------------


def test_a_paused_template_is_reported() -> None:
    value = {
        "event": "PAUSED",
        "message_template_id": 1689556908129832,
        "message_template_name": "solicitud_documentos_v1",
        "message_template_language": "es-MX",
        "reason": "NONE",
        "other_info": {"title": "FIRST_PAUSE"},
    }
    event = only(a_delivery({"field": "message_template_status_update", "value": value}))
    assert event.kind is EventKind.TEMPLATE
    assert event.fields["event"] == "PAUSED"
    assert event.fields["template_id"] == "1689556908129832"
    assert (event.fields["language"], event.fields["title"]) == ("es_MX", "FIRST_PAUSE")


def test_a_template_moved_to_marketing_is_reported() -> None:
    value = {"message_template_name": "x", "previous_category": "UTILITY", "new_category": "MARKETING"}
    event = only(a_delivery({"field": "template_category_update", "value": value}))
    assert (event.fields["previous_category"], event.fields["category"]) == ("UTILITY", "MARKETING")


def test_a_restriction_of_the_account_is_reported() -> None:
    value = {"event": "ACCOUNT_RESTRICTION", "restriction_info": {"expiration": 1793, "kind": "RESTRICTED"}}
    event = only(a_delivery({"field": "account_update", "value": value}))
    assert event.kind is EventKind.ACCOUNT
    assert event.fields["restriction_info.expiration"] == "1793"


def test_an_error_of_the_number_is_reported() -> None:
    event = only(a_delivery(a_change(errors=[{"code": 130429, "title": "Rate limit hit"}])))
    assert (event.kind, event.errors[0].code) == (EventKind.ERROR, 130429)


def test_a_field_of_the_future_is_kept_as_something_other() -> None:
    event = only(a_delivery({"field": "telepathy", "value": {"thoughts": ["secret"]}}))
    assert (event.kind, event.fields) == (EventKind.OTHER, {"field": "telepathy"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b"7",
        b"[" * 100000,
        b'{"entry":' * 50000,
        b'{"entry":[]}',
        b'{"entry":{}}',
        b'{"entry":[7]}',
        b'{"entry":[{"changes":[7]}]}',
        b'{"entry":[{"changes":[{"field":"messages","value":[]}]}]}',
        b'{"entry":[{"id":1' + b"0" * 5000 + b',"changes":[{}]}]}',
    ],
)
def test_unreadable_bytes_are_one_event_that_says_so(body: bytes) -> None:
    event = only(body)
    assert event.kind is EventKind.OTHER
    assert event.key.startswith("h:")


def test_items_of_the_wrong_type_do_not_cost_their_neighbours() -> None:
    kinds = [e.kind for e in parse(a_delivery(a_change(statuses=[7, a_status(), None], messages={"id": "wamid.Z"})))]
    assert sorted(kinds) == ["message", "other", "other", "status"]


def test_texts_that_a_database_cannot_store_are_cleaned() -> None:
    event = only(a_delivery(a_change(statuses=[a_status(biz_opaque_callback_data="a\x00\ud800b")])))
    assert event.opaque == "a?b"


def test_ids_beyond_every_bound_are_told_apart_by_hash() -> None:
    one, two = parse(a_delivery(a_change(statuses=[a_status("w" * 300 + "1"), a_status("w" * 300 + "2")])))
    assert one.key != two.key
    assert max(len(one.key), len(one.wamid)) <= 255


def test_the_representation_shows_no_person() -> None:
    shown = repr(parse(a_delivery(a_change(contacts=[CONTACT], messages=[a_message()], statuses=[a_status()]))))
    assert not any(secret in shown for secret in (ANA, ANA_USER, "wamid", "Ana"))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["entry", "changes", "value", "field", "messages", "statuses", "errors", "id", "contacts", "text"]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(_JSON)
def test_no_document_at_all_makes_the_reader_fail(document: object) -> None:
    events = parse(raw(document))
    assert events
    for event in events:
        assert 2 < len(event.key) <= 255
        assert all(isinstance(text, str) for text in event.fields.values())


@given(st.lists(st.sampled_from(["sent", "delivered", "read", "failed", "played", ""]), max_size=8), st.randoms())
def test_the_order_of_statuses_never_changes_the_end(statuses: list[str], random: Any) -> None:
    def end(order: list[str]) -> str:
        state = "accepted"
        for status in order:
            state = advance(state, status)
        return state

    shuffled = [*statuses, *statuses[:2]]
    random.shuffle(shuffled)
    assert end(statuses) == end(shuffled)


def test_late_and_stale_statuses() -> None:
    assert advance("failed", "delivered") == "delivered"
    assert advance("delivered", "failed") == "delivered"
    assert advance("read", "delivered") == "read"
    assert advance("sent", "played") == "sent"
    assert status_rank("deleted") is None


def test_events_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        only(BODY).status = "read"  # type: ignore[misc]
