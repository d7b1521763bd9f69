"""What has become of the documents that a receipt tells of, since it was made. Nothing else of the case is told."""

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.documents import Document, DocumentState
from records.requests import Slot


class Standing(StrEnum):
    """KEPT stands in its place; REPLACED gave way to a later one; RECALLED fell in a later scan; GONE: all else."""

    KEPT = "kept"
    REPLACED = "replaced"
    RECALLED = "recalled"
    GONE = "gone"


def standings(session: Session, document_ids: Iterable[str]) -> dict[str, Standing]:
    """Return how each document stands now, by id; what is not there is GONE."""
    ids = list(document_ids)
    rows = session.execute(
        select(Document.id, Document.state, Slot.document_id)
        .join(Slot, Slot.id == Document.slot_id)
        .where(Document.id.in_(ids))
    )
    found = {row.id: _standing(row.id, row.state, row.document_id) for row in rows}
    return {document_id: found.get(document_id, Standing.GONE) for document_id in ids}


def _standing(document_id: str, state: str, in_slot: str | None) -> Standing:
    match state:
        case DocumentState.FILED if in_slot == document_id:
            return Standing.KEPT
        case DocumentState.FILED if in_slot is not None:
            return Standing.REPLACED
        case DocumentState.RECALLED:
            return Standing.RECALLED
        case _:
            return Standing.GONE
