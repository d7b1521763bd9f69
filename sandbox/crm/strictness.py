"""What a body may hold: a stub refuses what the documentation does not name."""

from collections.abc import Mapping
from typing import Any, NoReturn

from flask import abort, jsonify, make_response, request


def refuse(status: int, message: str) -> NoReturn:
    """End the call with a status and a message."""
    abort(make_response(jsonify({"message": message}), status))


def body_of(required: Mapping[str, type], optional: Mapping[str, type] | None = None, *, status: int = 422) -> Any:
    """Return the JSON body. Refuses another content type, unknown and missing fields, wrong types."""
    if request.mimetype != "application/json":
        refuse(415, "not JSON")
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        refuse(400, "not an object")
    checked(body, required, optional or {}, status)
    return body


def checked(body: Mapping[str, Any], required: Mapping[str, type], optional: Mapping[str, type], status: int) -> None:
    """Refuse unknown and missing fields and wrong types of an object."""
    known = {**required, **optional}
    if unknown := set(body) - set(known):
        refuse(status, f"unknown: {sorted(unknown)}")
    if missing := set(required) - set(body):
        refuse(status, f"missing: {sorted(missing)}")
    for name, value in body.items():
        if not isinstance(value, known[name]) or (known[name] is int and isinstance(value, bool)):
            refuse(status, f"wrong type: {name}")
