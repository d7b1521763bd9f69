"""The index of a bag: index.json for machines (and verify.py), index.csv for people.

Rules: times are UTC, RFC 3339; a CSV cell that a spreadsheet would run as a formula is written as text.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from records.consents import Consent
from records.documents import Document
from records.requests import DocumentRequest, Slot

FORMAT = "resguardo/index/v1"
COLUMNS = (
    "path",
    "name",
    "request",
    "requirement",
    "title",
    "side",
    "slot_state",
    "state",
    "verdict",
    "reason",
    "review",
    "size",
    "mime",
    "pages",
    "sha256",
    "salt",
    "received_at",
    "judged_at",
    "id",
)
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # the full-width forms too, which some spreadsheets take alike
_CONTROLS = ("\t", "\r", "\n")


def moment(at: datetime | None) -> str | None:
    """Return a time as RFC 3339 in UTC, to the second."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def request_entry(request: DocumentRequest) -> dict[str, Any]:
    """Return what the index tells of a request and its slots."""
    return {
        "id": request.id,
        "template": request.template.key,
        "template_version": request.template.version,
        "party": {"id": request.party.id, "role": request.party.role, "name": request.party.name},
        "state": str(request.state),
        "created_at": moment(request.created_at),
        "expires_at": moment(request.expires_at),
        "slots": [_slot_entry(slot) for slot in request.slots],
    }


def consent_entry(consent: Consent) -> dict[str, Any]:
    """Return what the index tells of an accepted privacy notice."""
    return {
        "party": consent.party_id,
        "notice": consent.notice.id,
        "version": consent.notice.version,
        "language": consent.language,
        "link": consent.link_id,
        "visit": consent.visit_id,
        "accepted_at": moment(consent.accepted_at),
    }


def notice_entries(consents: Sequence[Consent]) -> list[dict[str, Any]]:
    """Return the notices that were accepted, each once, with their texts by language."""
    notices = {consent.notice.id: consent.notice for consent in consents}.values()
    return [
        {
            "id": notice.id,
            "version": notice.version,
            "published_at": moment(notice.published_at),
            "short": notice.short,
            "full": notice.full,
        }
        for notice in sorted(notices, key=lambda notice: notice.version)
    ]


def document_entry(document: Document) -> dict[str, Any]:
    """Return what the index tells of a document from its rows."""
    slot = document.slot
    return {
        "id": document.id,
        "request": document.request_id,
        "slot": slot.id,
        "requirement": slot.requirement.key,
        "title": slot.requirement.title.get("es", slot.requirement.key),
        "side": slot.side,
        "slot_state": str(slot.state) if slot.document_id == document.id else "superseded",
        "state": str(document.state),
        "verdict": document.finding,
        "reason": document.reason,
        "review": str(document.review),
        "engine": document.engine,
        "signatures": document.signatures,
        "size": document.size,
        "mime": document.mime,
        "pages": document.pages,
        "received_at": moment(document.received_at),
        "judged_at": moment(document.judged_at),
    }


def refused_entry(document: Document) -> dict[str, Any]:
    """Return what the index tells of a document that the inspection refused: its bytes are in no vault."""
    return {**document_entry(document), "review": None}


def index_json(index: Mapping[str, Any], documents: Sequence[Mapping[str, Any]]) -> bytes:
    """Return data/index.json."""
    return json.dumps({**index, "documents": list(documents)}, indent=1).encode() + b"\n"


def index_csv(index: Mapping[str, Any], documents: Sequence[Mapping[str, Any]]) -> bytes:
    """Return data/index.csv: one line a document, the refused ones last; UTF-8 with the mark that spreadsheets need."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for entry in [*documents, *index["refused"]]:
        writer.writerow([cell(entry.get(column)) for column in COLUMNS])
    return out.getvalue().encode("utf-8-sig")


def cell(value: object) -> str:
    """Return a value as the text of a cell, which no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    flat = "".join(sign if sign.isprintable() else " " for sign in text)
    return f"'{flat}" if flat.lstrip().startswith(_FORMULA) or text.startswith(_CONTROLS) else flat


def _slot_entry(slot: Slot) -> dict[str, Any]:
    return {
        "id": slot.id,
        "requirement": slot.requirement.key,
        "title": slot.requirement.title.get("es", slot.requirement.key),
        "side": slot.side,
        "required": slot.requirement.required,
        "state": str(slot.state),
        "reason": slot.reason,
        "note": slot.note,
        "document": slot.document_id,
        "changed_at": moment(slot.changed_at),
    }
