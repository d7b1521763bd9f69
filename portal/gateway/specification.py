"""The OpenAPI document: what APIFlask derives from the routes, completed with what it cannot see."""

from typing import Any

API = "/api/"
IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A value of your own, different for every request you mean to make; repeat it when you repeat one.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def completed(document: dict[Any, Any] | str) -> dict[Any, Any] | str:
    """Return the document with the API's own paths only, and with the header that a POST needs."""
    if isinstance(document, str):
        return document
    paths = {path: item for path, item in document["paths"].items() if path.startswith(API)}
    for item in paths.values():
        if "post" in item:
            item["post"].setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    return {**document, "paths": paths}
