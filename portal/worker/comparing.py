"""Equal files inside one case: the one that was returned comes back, or the same one stands in two places.

Rules: files are compared by a keyed hash that only the inspector can make and that means nothing outside its case; a
plain hash of a document is nowhere. What was returned is refused in the same slot; any other twin is filed and shown.
"""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from intake.filing import Fingerprints
from intake.inspection.verdicts import Verdict
from portal.worker.materials import Tools
from records.documents import Document, DocumentState, ReviewState


def was_returned(tools: Tools, document: Document, verdict: Verdict) -> bool:
    """Whether these very bytes stood in this slot before and a reviewer returned them."""
    twins = _twins(document, _likeness(tools, document, verdict))
    with tools.database.reading() as session:
        returned = twins.where(Document.slot_id == document.slot_id, Document.review == ReviewState.RETURNED)
        return session.scalars(returned.limit(1)).first() is not None


def compare(session: Session, tools: Tools, document: Document, verdict: Verdict) -> None:
    """Note on a document what it equals: the first twin in the case that was not returned, if any.

    The caller has written the case's row in this transaction: of two equal files at once, the second sees the first.
    """
    likeness = document.likeness = _likeness(tools, document, verdict)
    living = _twins(document, likeness).where(Document.review != ReviewState.RETURNED)
    document.alike_id = session.scalars(living.order_by(Document.received_at).limit(1)).first()


def _likeness(tools: Tools, document: Document, verdict: Verdict) -> bytes:
    return Fingerprints(tools.signer).within_case(document.case_id, bytes.fromhex(verdict.sha256))


def _twins(document: Document, likeness: bytes) -> Select[str]:
    return select(Document.id).where(
        Document.likeness == likeness,
        Document.case_id == document.case_id,
        Document.state == DocumentState.FILED,
        Document.id != document.id,
    )
