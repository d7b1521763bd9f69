"""The OpenAPI document is 3.1, stands by itself and tells of every route that a CRM may call."""

import json
import re

import pytest

from records.apikeys import Scope
from tests.portal.gateway.company import a_body


@pytest.fixture
def document(quick):
    answer = quick.app.test_client().get("/openapi.json")
    assert answer.status_code == 200
    return answer.json


def references(node):
    match node:
        case dict():
            if "$ref" in node:
                yield node["$ref"]
            for inner in node.values():
                yield from references(inner)
        case list():
            for inner in node:
                yield from references(inner)


def test_it_is_openapi_3_1(document):
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["title"] == "Resguardo API"
    assert document["servers"] == [{"url": "http://api.localhost:18802"}]


def test_every_reference_leads_somewhere(document):
    for reference in set(references(document)):
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        assert node


def test_it_covers_the_api_and_nothing_else(quick, document):
    routes = {
        (re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule), method.lower())
        for rule in quick.app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/") and not rule.rule.startswith("/api/v1/docs")
    }
    described = {
        (path, method) for path, item in document["paths"].items() for method in item if method != "parameters"
    }
    assert described == routes
    assert described


def test_every_operation_says_its_key_its_answers_and_its_problems(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method == "parameters":
                continue
            ((scheme, scopes),) = operation["security"][0].items()
            assert (scheme, len(scopes)) == ("ApiKey", 1), path
            assert operation["summary"]
            problems = {status for status in operation["responses"] if int(status) >= 400}
            assert {"401", "403", "429", "500", "503"} <= problems, (path, method)
            assert "404" in problems or "{" not in path
            assert {"400", "413", "415", "422"} <= problems or method == "get"
            assert "409" in problems or method != "post"
            for status in problems:
                assert "application/problem+json" in operation["responses"][status]["content"], (path, status)


def test_the_header_that_a_post_needs_is_described(document):
    parameters = document["paths"]["/api/v1/requests"]["post"]["parameters"]
    (header,) = [each for each in parameters if each["in"] == "header"]
    assert (header["name"], header["required"]) == ("Idempotency-Key", True)


def test_what_is_answered_follows_the_document(quick, document):
    made = quick.ask()
    schema = document["components"]["schemas"]["RequestOut"]
    assert set(made.json) <= set(schema["properties"])
    assert set(schema["required"]) <= set(made.json)


def test_it_says_nothing_of_webhooks_or_of_this_machine(document):
    told = json.dumps(document)
    assert "/webhooks" not in told
    assert "/work" not in told


def test_the_scope_that_a_call_is_said_to_need_is_the_one_it_needs(quick, document):
    for path, item in document["paths"].items():
        for method in item:
            (scope,) = item[method]["security"][0]["ApiKey"]
            address = re.sub(r"{[a-z_]+}", "0" * 32, path)
            options = {"headers": {"Idempotency-Key": "k"}, "json": {"days": 7} if path.endswith("extend") else {}}
            if path == "/api/v1/requests":
                options["json"] = a_body(template_key="none")
            sent = options if method != "get" else {}
            without = quick.call(method.upper(), address, key=quick.a_key(*(set(Scope) - {scope})), **sent)
            assert (without.status_code, without.json["code"]) == (403, "forbidden"), (method, path)
            assert quick.call(method.upper(), address, key=quick.a_key(scope), **sent).status_code != 403
