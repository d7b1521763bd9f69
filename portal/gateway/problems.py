"""Errors of the gateway as application/problem+json (RFC 9457), worded by the one table."""

from collections.abc import Iterator
from typing import Any

from apiflask.exceptions import HTTPError
from flask import Response, g, jsonify

from portal.gateway.refusals import WHEN
from portal.web.errors import HTTP_CODES, Problem
from portal.web.errors import problem as found_problem
from portal.web.language import current_language

MEDIA_TYPE = "application/problem+json"
REFERENCE = "/api/v1/docs"


def render(problem: Problem, **more: Any) -> Response:
    """Draw a problem; `more` are extension members. Its type leads to the reference, where the code is explained."""
    response: Response = jsonify(
        type=f"{REFERENCE}#{problem.code}" if problem.code in WHEN else "about:blank",
        title=problem.row.words(current_language()),
        status=problem.row.status,
        code=problem.code,
        detail=problem.detail,
        reference=problem.reference,
        **more,
    )
    response.mimetype = MEDIA_TYPE
    response.status_code = problem.row.status
    if problem.row.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def refused_body(error: HTTPError) -> Response:
    """Draw APIFlask's own refusals: a body that is no JSON, or breaks the schema. Places and rules, never values."""
    code = HTTP_CODES.get(error.status_code, "bad_request")
    g.error_code = code
    if error.status_code != 422:
        return render(found_problem(code))
    return render(found_problem(code), errors=list(_places(error.detail)))


def _places(untrusted: Any) -> Iterator[dict[str, str | None]]:
    """Yield field, pointer and rule for every error of APIFlask's map {location: {dotted path: [rules]}}."""
    for location, fields in untrusted.items():
        for path, rules in fields.items():
            names = [] if path == "_schema" else str(path).split(".")
            escaped = [name.replace("~", "~0").replace("/", "~1") for name in names]
            pointer = "/".join(("#", *escaped)) if location == "json" else None
            for rule in rules:
                yield {"field": ".".join(names), "pointer": pointer, "rule": str(rule)}
