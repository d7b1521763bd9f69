"""The API keeps its own description, whatever is sent: schemathesis against the real application and database."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth

from portal.web.rates import PER_MINUTE, Rates
from records.requests import get_request
from storage.database import Database, new_id, utcnow
from tests.portal.gateway.company import an_app
from tests.records.case_of_ana import a_filed_document

PATIENT = Rates(b"k" * 32, per_minute=dict.fromkeys(PER_MINUTE, 1_000_000))
BOUNDED = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
OPERATIONS = [
    (method, path)
    for path, item in an_app(Database("sqlite:///nowhere.db")).test_client().get("/openapi.json").json["paths"].items()
    for method in item
    if method in ("get", "post", "patch")
]
"""From the description alone: nothing connects to this database."""

LINES = st.text("aáñ z0'-", min_size=1, max_size=40).map(str.strip).filter(bool)
CURSOR = "MjAyNi0xMS0yNlQxOTozNTo0OC4wMDAwMDErMDA6MDAgMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
schemathesis.openapi.format("phone", st.just("+52 55 1234 5678"))
schemathesis.openapi.format("email", st.sampled_from(["ana@example.com", "a.b+c@sub.example.org"]))
schemathesis.openapi.format("line", LINES)
schemathesis.openapi.format("cursor", st.just(CURSOR))


@pytest.fixture
def known(quick):
    """One of each row, for half of the calls; a description that only ever meets 404 would prove little."""
    made = quick.ask().json
    with quick.database.transaction() as session:
        request = get_request(session, org_id=quick.company.org_id, request_id=made["id"])
        document = a_filed_document(session, request.slots[0], utcnow())
    return {
        "request_id": made["id"],
        "case_id": made["case_id"],
        "contact_id": made["contact_id"],
        "document_id": document.id,
        "template_key": "credito",
    }


def obey(case):
    """Keep the rules that no JSON schema tells: a number is one of its country, and somebody can be written to."""
    if "Idempotency-Key" in (case.headers or {}):
        case.headers["Idempotency-Key"] = new_id()  # each call its own
    body = case.body if isinstance(case.body, dict) else {}
    if body.get("send", {}).get("mode") == "crm":
        body["crm"] = {"chatwoot_conversation": "123"}
    person = body.get("contact") if "template_key" in body else body
    if isinstance(person, dict) and case.method != "GET" and "days" not in person:
        person["phone"] = "+52 55 1234 5678"
        if person.get("email"):
            person["email"] = "ana@example.com"
        if person.get("opt_in"):
            person["opt_in"]["at"] = "2026-01-02T03:04:05Z"


def aim(case, known):
    """Point a call at rows that are there."""
    for name in case.path_parameters or {}:
        case.path_parameters[name] = known[name]
    if isinstance(case.body, dict) and "template_key" in case.body:
        case.body["template_key"] = known["template_key"]
        if "contact_id" in case.body:
            case.body["contact_id"] = known["contact_id"] if case.body["contact_id"] is not None else None


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("mode", GenerationMode)
def test_every_call_with_a_key_is_answered_as_described(quick, known, method, path, mode):
    schema = schemathesis.openapi.from_wsgi("/openapi.json", quick.beside(rates=PATIENT).app)
    seen = set()

    @BOUNDED
    @given(case=schema[path][method].as_strategy(generation_mode=mode), aimed=st.booleans())
    def calls(case, aimed):
        if mode == GenerationMode.POSITIVE:
            obey(case)
            if aimed:
                aim(case, known)
        answer = case.call_and_validate(
            headers={"Authorization": f"Bearer {quick.company.key}"}, excluded_checks=[ignored_auth]
        )
        seen.add(answer.status_code)

    calls()
    assert mode == GenerationMode.NEGATIVE or seen & {200, 201, 409}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_call_without_a_key_is_refused_as_described(quick, method, path):
    schema = schemathesis.openapi.from_wsgi("/openapi.json", quick.beside(rates=PATIENT).app)

    @BOUNDED
    @given(case=schema[path][method].as_strategy())
    def calls(case):
        assert case.call_and_validate().status_code in (401, 404, 405)

    calls()
