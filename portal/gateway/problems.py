"""Errors of the gateway as application/problem+json (RFC 9457), worded by the one table."""

from collections.abc import Iterator
from typing import Any

from apiflask.exceptions import HTTPError
from flask import Response, jsonify

from portal.web.errors import HTTP_CODES, Problem
from portal.web.errors import problem as found_problem
from portal.web.language import current_language

MEDIA_TYPE = "application/problem+json"


def render(problem: Problem, **more: Any) -> Response:
    """Draw a problem; `more` are extension members."""
    response: Response = jsonify(
        type="about:blank",
        title=problem.row.words(current_language()),
        status=problem.row.status,
        code=problem.code,
        detail=problem.detail,
        reference=problem.reference,
        **more,
    )
    response.mimetype = MEDIA_TYPE
    response.status_code = problem.row.status
    return response


def refused_body(error: HTTPError) -> Response:
    """Draw APIFlask's own refusals: a body that is no JSON, or breaks the schema. Places and rules, never values."""
    if error.status_code != 422:
        return render(found_problem(HTTP_CODES.get(error.status_code, "bad_request")))
    return render(found_problem("invalid_value"), errors=list(_places(error.detail, ())))


def _places(untrusted: Any, path: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Yield {field, rule} for every leaf of APIFlask's nested error map."""
    match untrusted:
        case dict():
            for name, inner in untrusted.items():
                yield from _places(inner, path if name == "json" else (*path, str(name)))
        case list():
            for rule in untrusted:
                yield {"field": ".".join(path), "rule": str(rule)}
        case rule:
            yield {"field": ".".join(path), "rule": str(rule)}
