"""Bodies of uploads on their way from the network into sealed slices: constant memory, nothing in clear on disk.

Rules: a chunk goes straight into the encryptor and its ciphertext into the blob store; no database session is open
while a body streams; a slice is durable before it is acknowledged; what arrived before a connection was cut is kept;
a file that grows over its limit is cut at once and ended. A torn or losing attempt leaves an orphan blob under a name
of its own, which the sweep removes; this process never deletes.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from intake import uploads
from intake.daykey import DayKey, key_of_the_day
from intake.declared import declared
from intake.errors import BodyCut, EmptyFile, IntakeError, OffsetConflict, TooLarge
from intake.holds import Hold, Holds
from intake.standing import Piece, Standing
from records.links import Visit
from storage.blobs import BlobStore
from storage.database import Database, new_id
from storage.sealing.contexts import SliceContext
from storage.sealing.seal import Sealing
from storage.sealing.signing import VerifyKey

SLICE_BYTES = 16 * 1024 * 1024
"""A longer body becomes several slices, each acknowledged as soon as it is durable."""
SLICE_SECONDS = 30.0
"""A slow body is acknowledged this often, so that a cut costs little and a revocation stops it."""
BLOBS = "slices"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """The one door for bytes from the internet."""

    database: Database
    blobs: BlobStore
    custodian: VerifyKey
    """Pinned key that must have certified the quarantine key of the day."""
    clock: Callable[[], datetime]
    """Aware UTC time: a body may stream for minutes, so that one instant given at the start would not do."""
    holds: Holds = field(default_factory=Holds)

    def begin(
        self,
        *,
        visit_id: str,
        slot_id: str,
        untrusted_name: str,
        untrusted_type: str,
        length: int | None,
        replaces: str | None = None,
    ) -> Standing:
        """Open an upload into a slot; see `uploads.open_upload` for who wins and what it raises."""
        with self.database.reading() as session:
            uploads.check_room(session, visit_id=visit_id, slot_id=slot_id, length=length, now=self.clock())
            key = key_of_the_day(session, self.custodian, now=self.clock())
            link = session.get_one(Visit, visit_id).link
            org_id, case_id = link.org_id, link.case_id
        upload_id = new_id()
        said = declared(untrusted_name, untrusted_type).sealed_form()
        place = SliceContext(org=org_id, case=case_id, slot=slot_id, upload=upload_id, seq=0, offset=0)
        first = self._seal(_Body([said]), place, end=len(said), key=key)
        with self.database.transaction() as session:
            return uploads.open_upload(
                session,
                upload_id=upload_id,
                visit_id=visit_id,
                slot_id=slot_id,
                length=length,
                replaces=replaces,
                first=first,
                now=self.clock(),
            )

    def append(
        self, *, visit_id: str, upload_id: str, offset: int, body: Iterable[bytes], announced: int | None = None
    ) -> Standing:
        """Take a body that begins at `offset`, slice by slice, and return where the upload stands then.

        `announced` is the body's own length where it says one. Raises OffsetConflict, UploadBusy, UploadEnded,
        LinkClosed, QuotaExceeded, QuarantineKeyMissing; TooLarge, which ends the upload; BodyCut after what had
        arrived was acknowledged; BlobError.
        """
        found = self.standing(visit_id=visit_id, upload_id=upload_id)
        if offset != found.offset:
            raise OffsetConflict(upload_id, found.offset)
        with self.holds.hold(upload_id, found.link_id) as hold:
            try:
                _demand_room(found, announced)
                return self._append_slices(visit_id, found, _Body(body, hold))
            except TooLarge:
                self._end(visit_id, upload_id, "too_large")
                raise

    def finish(self, *, visit_id: str, upload_id: str) -> str:
        """Make the document of an upload whose length was not announced; return its id. See `uploads.finish`."""
        try:
            with self.database.transaction() as session:
                return uploads.finish(session, visit_id=visit_id, upload_id=upload_id, now=self.clock()).id
        except EmptyFile:
            self._end(visit_id, upload_id, "empty_file")
            raise

    def fix_length(self, *, visit_id: str, upload_id: str, length: int) -> Standing:
        """Announce a deferred length. See `uploads.fix_length`."""
        with self.database.transaction() as session:
            return uploads.fix_length(session, visit_id=visit_id, upload_id=upload_id, length=length, now=self.clock())

    def terminate(self, *, visit_id: str, upload_id: str, reason: str = "asked") -> None:
        """End an upload that still receives. See `uploads.terminate`."""
        with self.database.transaction() as session:
            uploads.terminate(session, visit_id=visit_id, upload_id=upload_id, now=self.clock(), reason=reason)

    def standing(self, *, visit_id: str, upload_id: str) -> Standing:
        """Return how far an upload is. See `uploads.standing`."""
        with self.database.reading() as session:
            return uploads.standing(session, visit_id=visit_id, upload_id=upload_id, now=self.clock())

    def _append_slices(self, visit_id: str, found: Standing, body: "_Body") -> Standing:
        while body.more():
            with self.database.reading() as session:
                key = key_of_the_day(session, self.custodian, now=self.clock())
            piece = self._seal(body, _place(found), end=found.end, key=key)
            body.demand()
            with self.database.transaction() as session:
                found = uploads.acknowledge(
                    session, visit_id=visit_id, upload_id=found.upload_id, piece=piece, now=self.clock()
                )
        if body.cut:
            raise BodyCut(f"upload {found.upload_id}")
        return found

    def _seal(self, body: "_Body", place: SliceContext, *, end: int, key: DayKey) -> Piece:
        sealing = Sealing.to([key.recipient], place)
        blob = f"{BLOBS}/{self.clock().astimezone(UTC):%Y%m%d%H}/{new_id()}"
        slice_of_body = body.slice(room=end - place.offset, limit=end)
        self.blobs.put(blob, sealing.encrypt(slice_of_body))
        return Piece(
            seq=place.seq, offset=place.offset, length=body.taken, blob=blob, header=sealing.header, key_id=key.id
        )

    def _end(self, visit_id: str, upload_id: str, reason: str) -> None:
        try:
            self.terminate(visit_id=visit_id, upload_id=upload_id, reason=reason)
        except IntakeError:
            return  # another request ended or finished it first


def _place(found: Standing) -> SliceContext:
    """Return what the next slice of an upload is sealed as."""
    return SliceContext(
        org=found.org_id,
        case=found.case_id,
        slot=found.slot_id,
        upload=found.upload_id,
        seq=found.seq,
        offset=found.offset,
    )


def _demand_room(found: Standing, announced: int | None) -> None:
    if announced is not None and found.offset + announced > found.end:
        raise TooLarge(found.end)


class _Body:
    """A body of unknown length, cut into slices. `taken` is what the last slice took; `cut` says how it ended."""

    def __init__(self, chunks: Iterable[bytes], hold: Hold | None = None) -> None:
        self._chunks = iter(chunks)
        self._hold = hold
        self._next = b""
        self.cut = False
        self.taken = 0

    def more(self) -> bool:
        """Whether bytes are left: waits for the next chunk."""
        while not self._next:
            try:
                self._next = next(self._chunks)
            except StopIteration:
                return False
            except BodyCut:
                self.cut = True
                return False
            self.demand()
        return True

    def demand(self) -> None:
        """Raise UploadBusy when another request took the upload over."""
        if self._hold is not None:
            self._hold.beat()

    def slice(self, *, room: int, limit: int) -> Iterator[bytes]:
        """Yield the chunks of one slice. Raises TooLarge at the first byte beyond `room`."""
        self.taken = 0
        until = time.monotonic() + SLICE_SECONDS
        while self.taken < SLICE_BYTES and (not self.taken or time.monotonic() < until) and self.more():
            chunk, self._next = self._next, b""
            self.taken += len(chunk)
            if self.taken > room:
                raise TooLarge(limit)
            yield chunk
