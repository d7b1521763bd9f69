"""The REST API of requests: one effect a key, strict bodies, strangers see nothing."""

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import pytest
from sqlalchemy import func, select, update

from audit import AuditEvent
from records.apikeys import IDEMPOTENCY_LIFE, IdempotentCall
from records.cases import Case, Party
from records.messages import Message
from records.requests import DocumentRequest
from storage.database import utcnow
from tests.portal.gateway.company import NOBODY, PUBLIC_URL, SIGNER, STAFF_URL, a_body

NONE = {"send": {"mode": "none"}}


def count(gateway, *models):
    with gateway.database.reading() as session:
        return [session.scalar(select(func.count()).select_from(model)) for model in models]


def problem(answer, status, code):
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), answer.get_data(as_text=True)
    assert (answer.json["status"], answer.json["code"]) == (status, code)
    assert answer.json["title"]
    assert answer.json["reference"]
    return answer.json


def test_a_crm_asks_and_sees_how_far_it_is(gateway):
    made = gateway.ask()
    assert made.status_code == 201, made.get_data(as_text=True)
    assert "upload_url" not in made.json or made.json["upload_url"] is None
    assert made.headers["Location"] == f"/api/v1/requests/{made.json['id']}"
    shown = gateway.call("GET", made.headers["Location"])
    assert shown.status_code == 200
    assert shown.json["state"] == "requested"
    assert shown.json["progress"] == {"status": "requested", "received": 0, "accepted": 0, "total": 3}
    assert shown.json["case_url"] == f"{STAFF_URL}/cases/{shown.json['case_id']}"
    assert [(slot["requirement"], slot["side"], slot["state"]) for slot in shown.json["slots"]] == [
        ("ine", "front", "missing"),
        ("ine", "back", "missing"),
        ("domicilio", "whole", "missing"),
    ]
    assert [message["state"] for message in shown.json["messages"]] == ["queued"]
    assert count(gateway, Case, Party, DocumentRequest, Message) == [1, 1, 1, 1]


def test_what_is_shown_names_no_person_and_no_link(quick):
    made = quick.ask(a_body(**NONE))
    shown = quick.show(made.json["id"]).get_data(as_text=True)
    for secret in ("Ana", "5512345678", "/s/", made.json["upload_url"]):
        assert secret not in shown


def test_with_send_mode_none_the_answer_and_its_replays_hold_the_link(quick):
    made, again = (quick.ask(a_body(**NONE)) for _ in range(2))
    assert made.json["upload_url"].startswith(f"{PUBLIC_URL}/s/")
    assert again.json == made.json
    assert SIGNER.read(made.json["upload_url"].rpartition("/")[2])
    with quick.database.reading() as session:
        assert "/s/" not in str(session.scalars(select(IdempotentCall.body)).one())
    assert count(quick, Message) == [0]


def test_the_same_reference_is_the_same_case(quick):
    one, two = quick.ask(idempotency="a"), quick.ask(idempotency="b")
    other = quick.ask(a_body(external_ref="CRM-2"), idempotency="c")
    assert one.json["case_id"] == two.json["case_id"] != other.json["case_id"]


def test_equal_phones_of_two_references_stay_two_cases(quick):
    quick.ask(a_body(external_ref=None), idempotency="a")
    quick.ask(a_body(external_ref=None), idempotency="b")
    assert count(quick, Case, Party) == [2, 2]


def test_a_request_of_another_organization_is_not_found(quick):
    made = quick.ask()
    strange = quick.show(made.json["id"], key=quick.other.key)
    unknown = quick.show("0" * 32, key=quick.other.key)
    found = [problem(each, 404, "not_found") | {"reference": ""} for each in (strange, unknown)]
    assert found[0] == found[1]


@pytest.mark.parametrize("wrong", ["%00", "..", "a%20b", "x" * 3000, "%F0%9F%98%80", "%FF"])
def test_an_id_that_is_none_is_not_found(gateway, wrong):
    problem(gateway.show(wrong), 404, "not_found")


def test_equal_references_of_two_organizations_are_two_cases(quick):
    one, two = quick.ask(), quick.ask(key=quick.other.key)
    assert one.json["case_id"] != two.json["case_id"]
    problem(quick.show(one.json["id"], key=quick.other.key), 404, "not_found")


def test_the_same_key_and_body_have_one_effect_and_one_answer(gateway):
    first, again = gateway.ask(), gateway.ask()
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json == again.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert count(gateway, DocumentRequest, Message, IdempotentCall) == [1, 1, 1]


def test_parallel_calls_with_one_key_have_one_effect_and_equal_answers(gateway):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: gateway.ask(), range(8)))
    answered = [answer for answer in answers if answer.status_code == 201]
    for other in answers:
        if other not in answered:
            problem(other, 409, "idempotency_key_in_flight")
    assert all(answer.json == answered[0].json for answer in answered)
    assert [answer.headers.get("Idempotency-Replayed") for answer in answered].count(None) == 1
    assert gateway.ask().json == answered[0].json
    assert count(gateway, Case, DocumentRequest, Message, IdempotentCall) == [1, 1, 1, 1]


def two_at_once(gateway, first, second):
    """Make two equal calls while both are kept from ending; return the answer that came meanwhile, and the other."""
    known = gateway.ask(idempotency="before").json["case_id"]
    with ThreadPoolExecutor(2) as pool:
        with gateway.database.transaction() as session:  # whichever call runs waits for this one's row or lock
            session.execute(update(Case).where(Case.id == known).values(title="held"))
            calls = {pool.submit(each.ask) for each in (first, second)}
            done, running = wait(calls, timeout=30, return_when=FIRST_COMPLETED)
        return done.pop().result(), running.pop().result(timeout=30)


def test_while_the_first_call_runs_a_second_one_is_told_to_come_back(gateway):
    meanwhile, made = two_at_once(gateway, gateway, gateway)
    problem(meanwhile, 409, "idempotency_key_in_flight")
    assert meanwhile.headers["Retry-After"] == "1"
    assert made.status_code == 201
    again = gateway.ask()
    assert (again.json, again.headers["Idempotency-Replayed"]) == (made.json, "true")
    assert count(gateway, DocumentRequest) == [2]


@pytest.mark.parametrize("engine_name", [pytest.param("postgresql", marks=pytest.mark.services)], indirect=True)
def test_while_the_first_call_runs_on_another_machine_a_second_one_is_told_to_come_back(gateway):
    meanwhile, made = two_at_once(gateway, gateway, gateway.beside())
    problem(meanwhile, 409, "idempotency_key_in_flight")
    assert made.status_code == 201
    assert count(gateway, DocumentRequest) == [2]


@pytest.mark.parametrize("quoted", ['"k-1"', ' "k-1" ', "k-1"])
def test_a_quoted_key_is_the_same_as_a_bare_one(quick, quoted):
    assert quick.ask(idempotency="k-1").json == quick.ask(idempotency=quoted).json
    assert count(quick, DocumentRequest) == [1]


def test_parallel_calls_with_other_keys_and_one_reference_open_one_case(gateway):
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda number: gateway.ask(idempotency=f"k-{number}"), range(6)))
    assert [answer.status_code for answer in answers] == [201] * 6
    assert count(gateway, Case, DocumentRequest) == [1, 6]


def test_a_key_with_another_body_is_refused(gateway):
    gateway.ask()
    problem(gateway.ask(a_body(title="Otro")), 422, "idempotency_key_reused")
    assert count(gateway, DocumentRequest) == [1]


def test_keys_of_two_integrations_do_not_meet(quick):
    assert quick.ask().status_code == quick.ask(key=quick.other.key).status_code == 201
    assert count(quick, DocumentRequest, IdempotentCall) == [2, 2]


@pytest.mark.parametrize("key", [None, "", "x" * 256])
def test_without_a_usable_idempotency_key_nothing_is_done(quick, key):
    problem(quick.ask(idempotency=key), 400, "idempotency_key_missing")
    assert count(quick, Case, DocumentRequest, IdempotentCall) == [0, 0, 0]


def test_a_failed_call_leaves_its_key_free(quick):
    problem(quick.ask(a_body(template_key="nada")), 404, "not_found")
    assert quick.ask().status_code == 201


def test_a_key_is_free_again_after_its_day(quick):
    first = quick.ask()
    with quick.database.transaction() as session:
        session.scalars(select(IdempotentCall)).one().created_at = utcnow() - IDEMPOTENCY_LIFE * 1.01
    again = quick.ask()
    assert again.status_code == 201
    assert again.json["id"] != first.json["id"]


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"nul", b"[" * 60_000])
def test_a_body_that_is_no_object_is_refused(quick, raw):
    answer = quick.ask(data=raw, content_type="application/json")
    assert answer.status_code in (400, 422)
    assert answer.json["code"] in ("bad_request", "invalid_value")
    assert answer.mimetype == "application/problem+json"


def test_a_form_is_not_a_body(quick):
    answer = quick.ask(data={"template_key": "credito"})
    assert answer.status_code in (400, 415, 422)
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"surprise": 1}, "surprise"),
        ({"contact": {"name": "Ana", "phone": "+525512345678", "vip": True}}, "contact.vip"),
        ({"contact": {"phone": "+525512345678"}}, "contact.name"),
        ({"contact": {"name": "", "phone": "+525512345678"}}, "contact.name"),
        ({"contact": {"name": "Ana", "locale": "xx"}}, "contact.locale"),
        ({"contact": "Ana"}, "contact"),
        ({"send": {"mode": "later"}}, "send.mode"),
        ({"template_key": ""}, "template_key"),
        ({"template_key": None}, "template_key"),
        ({"external_ref": "x" * 121}, "external_ref"),
        ({"title": ["x"]}, "title"),
    ],
)
def test_a_field_that_breaks_its_rule_is_named_and_its_value_is_not(quick, changes, field):
    answer = problem(quick.ask(a_body(**changes)), 422, "invalid_value")
    assert [each["field"] for each in answer["errors"]] == [field]
    assert count(quick, Case) == [0]


@pytest.mark.parametrize("phone", ["123", "+52 1", "no es un teléfono", "+1 555", None])
def test_a_phone_that_is_none_is_refused(quick, phone):
    problem(quick.ask(a_body(contact={"name": "Ana", "phone": phone})), 422, "invalid_value")
    assert count(quick, Case, Party, IdempotentCall) == [0, 0, 0]


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "a\u202eb", "a\nb\x1b[0m"])
@pytest.mark.parametrize("field", ["external_ref", "title", "template_key", "name", "phone"])
def test_text_that_no_row_can_hold_is_refused(gateway, field, text):
    contact = {"name": "Ana", "phone": "+525512345678"}
    body = a_body(contact=contact | {field: text}) if field in contact else a_body(**{field: text})
    answer = gateway.ask(body)
    assert answer.status_code in (404, 422), answer.get_data(as_text=True)
    assert count(gateway, Case, Party) == [0, 0]


def test_a_body_over_the_limit_is_refused(quick):
    problem(quick.ask(a_body(title="x" * 3_000_000)), 413, "too_large")


@pytest.mark.parametrize(
    ("language", "words"), [("es-MX", "no es válida"), ("en", "is not valid"), ("pt-BR", "não é válida")]
)
def test_problems_speak_three_languages(quick, language, words):
    answer = quick.show(NOBODY, key="", headers={"Accept-Language": language})
    assert words in answer.json["title"]


def test_every_effect_has_its_event(quick):
    made = quick.ask()
    with quick.database.reading() as session:
        events = list(session.scalars(select(AuditEvent).order_by(AuditEvent.event)))
    assert [(each.event, each.actor_id) for each in events] == [
        ("crm:case:created", quick.company.key_id),
        ("crm:request:created", quick.company.key_id),
    ]
    assert events[1].subject_id == made.json["id"]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/v2/x"), ("DELETE", f"/api/v1/requests/{NOBODY}"), ("GET", "/s/x")]
)
def test_what_is_not_there_is_a_problem_too(quick, method, path):
    answer = quick.call(method, path)
    assert answer.status_code in (404, 405)
    assert answer.mimetype == "application/problem+json"
