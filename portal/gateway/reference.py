"""The reference page of the REST API, drawn from the description that `/openapi.json` serves: no script, no CDN."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from apiflask import APIBlueprint
from flask import current_app, render_template
from flask.typing import ResponseReturnValue

from portal.gateway.refusals import ALWAYS, WHEN
from portal.gateway.specification import METHODS
from portal.web.errors import TABLE
from portal.web.guards import guarded_by

reference = APIBlueprint("reference", __name__, template_folder="templates", enable_openapi=False)

TAGS = ("Requests", "Cases", "Contacts", "Requirement templates", "Documents", "Events")
"""The groups in their order; a test demands every one that the description has."""
DEEPEST = 4
"""How far nested fields are listed."""
LEFT_OUT = frozenset({"contact_id", "send", "opt_in", "whatsapp_id"})
"""Fields of which an example shows no use: they have a default, or stand for another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A field or parameter as the page lists it."""

    name: str
    kind: str
    required: bool
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A call as the page tells it."""

    anchor: str
    method: str
    path: str
    summary: str
    about: str
    scope: str
    parameters: tuple[Row, ...]
    body: tuple[Row, ...]
    answer: tuple[Row, ...]
    status: str
    refusals: tuple[tuple[str, str], ...]
    """Status and code of each refusal that is not every call's."""
    call: str


@reference.get("/api/v1/docs")
@guarded_by("public")
def page() -> ResponseReturnValue:
    """Show every call, field and refusal."""
    document = _document()
    return render_template(
        "gateway/reference.html",
        groups=_groups(document),
        codes=[(code, TABLE[code].status, when) for code, when in WHEN.items()],
        always=ALWAYS,
        base=current_app.config["API_URL"],
        version=document["info"]["version"],
    )


def _document() -> dict[str, Any]:
    app: Any = current_app
    return _as_json(json.dumps(app.spec))


@lru_cache(maxsize=2)
def _as_json(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def _groups(document: dict[str, Any]) -> dict[str, list[Operation]]:
    groups: dict[str, list[Operation]] = {}
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            operation = _operation(document, path, method, item[method])
            groups.setdefault(item[method]["tags"][0], []).append(operation)
    return {
        tag: sorted(groups[tag], key=lambda each: (each.path.count("/"), each.path, each.method == "GET"))
        for tag in TAGS
    }


def _operation(document: dict[str, Any], path: str, method: str, told: dict[str, Any]) -> Operation:
    status = next(status for status in told["responses"] if status.startswith("2"))
    body = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    answer = told["responses"][status]["content"]["application/json"]["schema"]
    refused = [
        (status, code)
        for status, response in told["responses"].items()
        for code in response["content"].get("application/problem+json", {}).get("examples", {})
        if code not in ALWAYS
    ]
    return Operation(
        anchor=told["operationId"],
        method=method.upper(),
        path=path,
        summary=told["summary"],
        about=told.get("description", ""),
        scope=told["security"][0]["ApiKey"][0],
        parameters=tuple(_parameter(document, each) for each in told.get("parameters", ())),
        body=tuple(_rows(document, body)),
        answer=tuple(_rows(document, answer)),
        status=status,
        refusals=tuple(refused),
        call=_call(document, path, method, body, told),
    )


def _parameter(document: dict[str, Any], told: dict[str, Any]) -> Row:
    schema = _resolved(document, told["schema"])
    about = told.get("description") or schema.get("description", "")
    where = {"path": "path", "query": "query", "header": "header"}[told["in"]]
    return Row(name=told["name"], kind=f"{where}, {_kind(schema)}", required=told.get("required", False), about=about)


def _rows(document: dict[str, Any], schema: dict[str, Any], prefix: str = "", depth: int = 0) -> Iterator[Row]:
    """Yield every field, nested ones with dotted names; `[]` stands for each of a list."""
    found = _resolved(document, schema)
    for name, inner in found.get("properties", {}).items():
        field = _resolved(document, inner)
        about = inner.get("description") or field.get("description", "")
        yield Row(name=f"{prefix}{name}", kind=_kind(field), required=name in found.get("required", ()), about=about)
        nested = _resolved(document, field["items"]) if "items" in field else field
        if depth < DEEPEST and "properties" in nested:
            mark = "[]." if "items" in field else "."
            yield from _rows(document, nested, f"{prefix}{name}{mark}", depth + 1)


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Follow references, and look through "or null"."""
    if "$ref" in schema:
        node: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part]
        return _resolved(document, {**node, **{name: value for name, value in schema.items() if name != "$ref"}})
    choices = [each for each in schema.get("anyOf", ()) if each.get("type") != "null" and each.get("const") != ""]
    if len(choices) == 1:
        outer = {name: value for name, value in schema.items() if name != "anyOf"}
        return {**_resolved(document, choices[0]), **outer, "nullable": len(schema["anyOf"]) > 1}
    return schema


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        words = " | ".join(str(each) for each in schema["enum"])
    elif "const" in schema:
        words = str(schema["const"])
    elif schema.get("format") == "date-time":
        words = "time"
    elif schema.get("type") == "array":
        words = "list"
    else:
        words = str(schema.get("type", "value"))
    return f"{words} or null" if schema.get("nullable") else words


def _call(document: dict[str, Any], path: str, method: str, body: dict[str, Any], told: dict[str, Any]) -> str:
    address = path.replace("{template_key}", "credito")
    for parameter in told.get("parameters", ()):
        address = address.replace(f"{{{parameter['name']}}}", "0123456789abcdef0123456789abcdef")
    lines = [f"curl {'' if method == 'get' else f'-X {method.upper()} '}{current_app.config['API_URL']}{address}"]
    lines.append('-H "Authorization: Bearer $KEY"')
    if method == "post":
        lines.append('-H "Idempotency-Key: crm-4711-1"')
    if body:
        lines.append('-H "Content-Type: application/json"')
        lines.append(f"-d '{json.dumps(_example(document, body), ensure_ascii=False, indent=2)}'")
    return " \\\n  ".join(lines)


def _example(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return a body out of the examples of its fields; what has none is left out."""
    found = _resolved(document, schema)
    made: dict[str, Any] = {}
    for name, inner in found.get("properties", {}).items():
        field = _resolved(document, inner)
        if name in LEFT_OUT:
            continue
        if "properties" in field:
            made[name] = _example(document, field)
        elif field.get("examples"):
            made[name] = field["examples"][0]
    return made
