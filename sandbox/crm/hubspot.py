"""A stand-in of HubSpot's CRM API (objects, properties, pipelines of version 2026-03), written from its documentation.

It refuses properties that nobody defined, stages that the pipeline does not have, notes without a time, associations
whose shape or type is wrong, and a second ticket with the same unique value.
"""

import itertools
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import Flask, request
from flask.typing import ResponseReturnValue

from sandbox.crm.serving import Faults, install
from sandbox.crm.strictness import body_of, checked, refuse

VERSION = "2026-03"
ASSOCIATIONS = {("notes", 228): "tickets", ("notes", 202): "contacts", ("tickets", 16): "contacts"}
OWN = {
    "tickets": {"subject", "content", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_priority"},
    "notes": {"hs_timestamp", "hs_note_body", "hubspot_owner_id", "hs_attachment_ids"},
}
NOTE_LIMIT = 65_536


@dataclass(slots=True, kw_only=True)
class Row:
    """One record."""

    id: str
    properties: dict[str, str]
    associations: list[tuple[str, str]] = field(default_factory=list)
    """(kind, id) of what it hangs on."""


@dataclass(slots=True, kw_only=True)
class HubSpot:
    """One account with a private app's token, one pipeline and some contacts."""

    token: str
    pipeline: str = "0"
    stages: tuple[str, ...] = ("1", "2", "3", "4")
    contacts: set[str] = field(default_factory=set)
    objects: dict[str, dict[str, Row]] = field(default_factory=lambda: {"tickets": {}, "notes": {}})
    properties: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(70_001))

    def app(self) -> Flask:
        """Return the application over this account."""
        app = Flask(__name__)
        objects = f"/crm/objects/{VERSION}/<any(tickets, notes):kind>"
        app.before_request(self._authenticate)
        install(app, self.faults)
        app.post(objects)(self._create)
        app.get(f"{objects}/<identity>")(self._show)
        app.patch(f"{objects}/<identity>")(self._change)
        app.post(f"{objects}/batch/read")(self._read_many)
        app.post(f"/crm/properties/{VERSION}/tickets")(self._define)
        app.get(f"/crm/pipelines/{VERSION}/tickets/<pipeline>")(self._pipeline)
        return app

    def notes_of(self, ticket: str) -> list[Row]:
        """The notes that hang on a ticket, oldest first."""
        return [each for each in self.objects["notes"].values() if ("tickets", ticket) in each.associations]

    def _authenticate(self) -> ResponseReturnValue | None:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return {"status": "error", "category": "INVALID_AUTHENTICATION"}, 401
        return None

    def _create(self, kind: str) -> ResponseReturnValue:
        body = body_of({"properties": dict}, {"associations": list}, status=400)
        properties = self._checked(kind, body["properties"])
        if kind == "notes":
            _check_note(properties)
        elif not {"subject", "hs_pipeline_stage"} <= set(properties):
            refuse(400, "Required properties were not set")
        associations = [self._association(kind, each) for each in body.get("associations", [])]
        self._refuse_twice(kind, properties)
        row = Row(id=str(next(self._ids)), properties=properties, associations=associations)
        self.objects[kind][row.id] = row
        return _told(row), 201

    def _checked(self, kind: str, properties: dict[str, Any]) -> dict[str, str]:
        known = OWN[kind] | (set(self.properties) if kind == "tickets" else set())
        for name, value in properties.items():
            if name not in known:
                refuse(400, f'Property "{name}" does not exist')
            if not isinstance(value, str):
                refuse(400, f"{name} is no text")
        if properties.get("hs_pipeline", self.pipeline) != self.pipeline:
            refuse(400, "no such pipeline")
        if properties.get("hs_pipeline_stage", self.stages[0]) not in self.stages:
            refuse(400, "no such stage")
        return dict(properties)

    def _association(self, kind: str, untrusted: Any) -> tuple[str, str]:
        if not isinstance(untrusted, dict):
            refuse(400, "an association is an object")
        checked(untrusted, {"to": dict, "types": list}, {}, 400)
        checked(untrusted["to"], {"id": str}, {}, 400)
        (type_,) = untrusted["types"]
        checked(type_, {"associationCategory": str, "associationTypeId": int}, {}, 400)
        to = ASSOCIATIONS.get((kind, type_["associationTypeId"]))
        known = self.contacts if to == "contacts" else set(self.objects["tickets"])
        if to is None or type_["associationCategory"] != "HUBSPOT_DEFINED" or untrusted["to"]["id"] not in known:
            refuse(400, "no such association")
        return str(to), str(untrusted["to"]["id"])

    def _refuse_twice(self, kind: str, properties: dict[str, str]) -> None:
        unique = [name for name, made in self.properties.items() if made.get("hasUniqueValue")]
        for row in self.objects[kind].values():
            if any(name in properties and row.properties.get(name) == properties[name] for name in unique):
                refuse(409, "a record with this unique value exists")

    def _found(self, kind: str, identity: str) -> Row:
        name = request.args.get("idProperty")
        if name is not None and not self.properties.get(name, {}).get("hasUniqueValue"):
            refuse(400, "idProperty is not unique")
        for row in self.objects[kind].values():
            if identity == (row.id if name is None else row.properties.get(name)):
                return row
        refuse(404, "resource not found")

    def _show(self, kind: str, identity: str) -> ResponseReturnValue:
        row = self._found(kind, identity)
        told = _told(row)
        if request.args.get("associations") == "notes":
            told["associations"] = {"notes": {"results": [{"id": note.id} for note in self.notes_of(row.id)]}}
        return told

    def _change(self, kind: str, identity: str) -> ResponseReturnValue:
        row = self._found(kind, identity)
        row.properties |= self._checked(kind, body_of({"properties": dict}, status=400)["properties"])
        return _told(row)

    def _read_many(self, kind: str) -> ResponseReturnValue:
        body = body_of({"inputs": list, "properties": list}, status=400)
        found = [self.objects[kind].get(each["id"]) for each in body["inputs"]]
        return {"status": "COMPLETE", "results": [_told(row) for row in found if row is not None]}

    def _define(self) -> ResponseReturnValue:
        texts = {"name": str, "label": str, "type": str, "fieldType": str, "groupName": str}
        body = body_of(texts, {"hasUniqueValue": bool, "description": str}, status=400)
        if body["name"] in self.properties:
            refuse(409, "a property with this name exists")
        self.properties[body["name"]] = body
        return body, 201

    def _pipeline(self, pipeline: str) -> ResponseReturnValue:
        if pipeline != self.pipeline:
            refuse(404, "resource not found")
        return {"id": pipeline, "stages": [{"id": stage, "label": stage} for stage in self.stages]}


def _check_note(properties: dict[str, str]) -> None:
    if len(properties.get("hs_note_body", "")) > NOTE_LIMIT:
        refuse(400, "hs_note_body is too long")
    try:
        datetime.fromisoformat(properties["hs_timestamp"])
    except (KeyError, ValueError):
        refuse(400, "hs_timestamp is required")


def _told(row: Row) -> dict[str, Any]:
    return {"id": row.id, "properties": row.properties}
