"""HubSpot: a ticket for each case (or the one that the request named), a note for each event, two properties.

The ticket is found again by a property of our own that HubSpot keeps unique, never by the search, whose index lags. The
ids of the association types are settings, since only note to contact (202) is documented. Source: CRM API 2026-03.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from html import escape
from typing import Any

from notifications.connectors.calling import Calls, part, rows_of, text_of
from notifications.connectors.memory import Memory
from notifications.connectors.updates import CrmUpdate
from notifications.crm.outcomes import Delivered
from records.progress import ProgressStatus

TICKET, CONTACT = "hubspot_ticket", "hubspot_contact"
CASE_KEY, URL_KEY, STATE_KEY = "resguardo_case", "expediente_url", "expediente_estado"
_PROPERTIES = (
    (CASE_KEY, "Resguardo", True),
    (URL_KEY, "Expediente", False),
    (STATE_KEY, "Estado del expediente", False),
)
VERSION = "2026-03"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSpot:
    """One account. `stages` maps a progress to the stage of the pipeline that the ticket moves to."""

    calls: Calls
    memory: Memory
    pipeline: str
    first_stage: str
    stages: Mapping[ProgressStatus, str] = field(default_factory=dict)
    note_to_ticket: int = 228
    note_to_contact: int = 202
    ticket_to_contact: int = 16

    def tell(self, update: CrmUpdate) -> Delivered:
        """Make or find the ticket, write the note, then properties and stage."""
        self._prepare()
        ticket = update.refs.get(TICKET) or self._ticket(update)
        self._note(ticket, update)
        properties = {URL_KEY: update.case_url, STATE_KEY: update.state}
        stage = self.stages.get(update.progress.status)
        self.calls.patch(
            _objects("tickets", ticket),
            {"properties": properties | ({"hs_pipeline_stage": stage} if stage is not None else {})},
        )
        return Delivered()

    def check(self) -> Delivered:
        """Make the properties and see that the pipeline has the stages."""
        self._prepare()
        untrusted = self.calls.get(f"/crm/pipelines/{VERSION}/tickets/{part(self.pipeline)}")
        stages = {row.get("id") for row in rows_of(untrusted, "stages")}
        missing = {self.first_stage, *self.stages.values()} - stages
        return Delivered(code="stage_missing" if missing else None)

    def _prepare(self) -> None:
        for name, label, unique in _PROPERTIES:
            if self.memory.begin("property", name).remote_id is None:
                body = {
                    "name": name,
                    "label": label,
                    "type": "string",
                    "fieldType": "text",
                    "groupName": "ticketinformation",
                    "hasUniqueValue": unique,
                }
                self.calls.post(f"/crm/properties/{VERSION}/tickets", body, well=(409,))  # 409: there already
                self.memory.keep("property", name, name)

    def _ticket(self, update: CrmUpdate) -> str:
        begun = self.memory.begin("ticket", update.case_id)
        if begun.remote_id is not None:
            return begun.remote_id
        found = self._by_case(update.case_id) if begun.before else None
        if found is None:
            made = self.calls.post(_objects("tickets"), self._new_ticket(update), well=(409,))
            found = text_of(made if made is not None else self._by_case(update.case_id), "id")
        else:
            found = text_of(found, "id")
        self.memory.keep("ticket", update.case_id, found)
        return found

    def _by_case(self, case_id: str) -> Any:
        return self.calls.get(_objects("tickets", case_id), {"idProperty": CASE_KEY}, missing=True)

    def _new_ticket(self, update: CrmUpdate) -> dict[str, Any]:
        properties = {
            "subject": update.subject,
            "hs_pipeline": self.pipeline,
            "hs_pipeline_stage": self.stages.get(update.progress.status, self.first_stage),
            CASE_KEY: update.case_id,
            URL_KEY: update.case_url,
            STATE_KEY: update.state,
        }
        return {"properties": properties, "associations": self._to_contact(update, self.ticket_to_contact)}

    def _to_contact(self, update: CrmUpdate, kind: int) -> list[dict[str, Any]]:
        contact = update.refs.get(CONTACT)
        return [] if contact is None else [_association(contact, kind)]

    def _note(self, ticket: str, update: CrmUpdate) -> None:
        if update.note is None:
            return
        begun = self.memory.begin("note", update.event_id)
        if begun.remote_id is not None:
            return
        found = self._written(ticket, update.marker) if begun.before else None
        if found is None:
            link = f'<a href="{escape(update.marked_url)}">{escape(update.link_label)}</a>'
            properties = {
                "hs_timestamp": update.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "hs_note_body": f"<p>{escape(update.note)}</p><p>{link}</p>",
            }
            to = [_association(ticket, self.note_to_ticket), *self._to_contact(update, self.note_to_contact)]
            found = text_of(self.calls.post(_objects("notes"), {"properties": properties, "associations": to}), "id")
        self.memory.keep("note", update.event_id, found)

    def _written(self, ticket: str, marker: str) -> str | None:
        """Look for a note among those of the ticket: associations are there at once, the search index is not."""
        untrusted = self.calls.get(_objects("tickets", ticket), {"associations": "notes"})
        ids = [{"id": text_of(row, "id")} for row in rows_of(untrusted, "associations", "notes", "results")]
        for first in range(0, len(ids), 100):
            body = {"inputs": ids[first : first + 100], "properties": ["hs_note_body"]}
            for row in rows_of(self.calls.post(f"{_objects('notes')}/batch/read", body), "results"):
                properties = row.get("properties")
                if isinstance(properties, dict) and marker in str(properties.get("hs_note_body") or ""):
                    return text_of(row, "id")
        return None


def _objects(kind: str, identity: str | None = None) -> str:
    return f"/crm/objects/{VERSION}/{kind}" + ("" if identity is None else f"/{part(identity)}")


def _association(to: str, kind: int) -> dict[str, Any]:
    return {"to": {"id": to}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind}]}
