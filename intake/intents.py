"""What is about to be filed, noted before its first byte: so that a torn filing can be cleared by name.

Rules: a name is noted and committed before the object is written, and the note goes in the transaction that makes the
object a part; only objects with such a note are ever swept from the vault, so that no database (empty, old, restored)
makes filed documents look like garbage.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from intake.filing import BLOBS
from records.documents import FilingIntent, Part
from storage.blobs import BlobStore
from storage.database import Database, new_id, utcnow

INTENT_AGE = timedelta(hours=26)
"""No filing lasts this long: what it noted and did not make a part is garbage."""
BATCH = 200


def noted(database: Database, *, count: int, now: datetime) -> list[str]:
    """Return fresh names in the vault, `docs/<day>/<random id>`, whose intents are committed."""
    names = [f"{BLOBS}/{now.astimezone(UTC):%Y%m%d}/{new_id()}" for _ in range(count)]
    with database.transaction() as session:
        session.add_all(FilingIntent(blob=name, created_at=now) for name in names)
    return names


def names(database: Database, *, batch: int) -> Iterator[str]:
    """Yield noted names without end; each `batch` of them costs one commit."""
    while True:
        yield from noted(database, count=batch, now=utcnow())


def fulfilled(session: Session, parts: Sequence[Part]) -> None:
    """Drop the intents of objects that are parts now: call it in the transaction that adds them."""
    if parts:
        session.execute(delete(FilingIntent).where(FilingIntent.blob.in_([part.blob for part in parts])))


def drop_torn(database: Database, blobs: BlobStore, *, now: datetime) -> int:
    """Delete the objects of old intents that never became parts and return how many intents went. Raises BlobError."""
    with database.reading() as session:
        is_part = select(Part.id).where(Part.blob == FilingIntent.blob).exists()
        old = session.execute(
            select(FilingIntent.id, FilingIntent.blob, is_part)
            .where(FilingIntent.created_at < now - INTENT_AGE)
            .limit(BATCH)
        ).all()
    for _, blob, filed in old:
        if not filed:
            blobs.delete(blob)
    if old:
        with database.transaction() as session:
            session.execute(delete(FilingIntent).where(FilingIntent.id.in_([intent for intent, _, _ in old])))
    return sum(1 for _, _, filed in old if not filed)
