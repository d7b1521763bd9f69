"""The OpenAPI document: what APIFlask derives from the routes, completed with what it cannot see."""

import inspect
import re
from typing import Any

from flask import current_app

from portal.gateway.schemas import ProblemOut

API = "/api/"
_PARAMETER = re.compile(r"<(?:[a-z]+:)?([a-z_]+)>")
METHODS = frozenset({"get", "post", "patch"})
IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A value of your own, different for every call you mean to make; repeat it when you repeat one.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[0-9A-Za-z_.:-]+$"},
    "example": "crm-4711-1",
}
ID: dict[str, Any] = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
HEADERS: dict[str, Any] = {
    "RateLimit": {
        "description": 'What is left, and the seconds until it is whole again: `"key";r=1199;t=58, ...`',
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": 'The limits in requests and seconds: `"key";q=1200;w=60, "organization";q=6000;w=60`',
        "schema": {"type": "string"},
    },
    "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
    "IdempotencyReplayed": {
        "description": "`true` when the call had its effect before, and this is the same answer again.",
        "schema": {"type": "string"},
    },
}


def completed(document: dict[Any, Any] | str) -> dict[Any, Any] | str:
    """Return the document with the API's own paths only, and with headers, ids and problems described."""
    if isinstance(document, str):
        return document
    paths = {path: item for path, item in document["paths"].items() if path.startswith(API)}
    words = _words()
    for path, item in paths.items():
        for method in METHODS & item.keys():
            item[method]["description"] = words[path, method]
            _complete(path, method, item[method])
    problem = ProblemOut.model_json_schema(ref_template="#/components/schemas/ProblemOut.{model}")
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas |= {f"ProblemOut.{name}": inner for name, inner in problem.pop("$defs", {}).items()}
    schemas["ProblemOut"] = problem
    components["headers"] = HEADERS
    return {**document, "paths": paths}


def _words() -> dict[tuple[str, str], str]:
    """Return what the views say of themselves: APIFlask takes their first line for a summary, and drops it."""
    return {
        (_PARAMETER.sub(r"{\1}", rule.rule), method.lower()): inspect.getdoc(current_app.view_functions[rule.endpoint])
        or ""
        for rule in current_app.url_map.iter_rules()
        for method in rule.methods or ()
    }


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    parameters = operation.setdefault("parameters", [])
    for parameter in parameters:
        if parameter["in"] == "path" and parameter["name"].endswith("_id"):
            parameter["schema"] = ID
        if parameter["in"] == "query":
            parameter["schema"] = _without_null(parameter["schema"])
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
    if method == "post":
        parameters.append(IDEMPOTENCY_KEY)
    name = path.removeprefix("/api/v1/").replace("{", "").replace("}", "").replace("/", "_")
    operation["operationId"] = f"{method}_{name}"
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            told = ["RateLimit", "RateLimit-Policy"] + (["IdempotencyReplayed"] if method == "post" else [])
            response["headers"] = response.get("headers", {}) | {
                each.replace("IdempotencyReplayed", "Idempotency-Replayed"): {"$ref": f"#/components/headers/{each}"}
                for each in told
            }


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a query parameter: it is there or not, and never null."""
    choices = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return rest | choices[0] if len(choices) == 1 else schema
