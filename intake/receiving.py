"""Bodies of uploads on their way from the network into sealed slices: constant memory, nothing in clear on disk.

Rules: a chunk goes straight into the encryptor and its ciphertext into the blob store; no database session is open
while a body streams; a slice is durable before it is acknowledged; what arrived before a connection was cut is kept;
a file that grows over its limit, or its link's, is cut at once and ended. A torn or losing attempt leaves an orphan
blob under a name of its own, which the sweep removes; this process never deletes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from intake import uploads
from intake.daykey import DayKey, key_of_the_day
from intake.declared import declared
from intake.errors import BodyCut, ChecksumMismatch, EmptyFile, IntakeError, OffsetConflict, TooLarge
from intake.holds import Holds
from intake.siblings import Siblings
from intake.slicing import NOTHING, Announced, Body
from intake.standing import NOTHING_TOLD, Piece, Standing, Told
from records.errors import Quota, QuotaExceeded
from storage.blobs import BlobStore
from storage.database import Database, new_id
from storage.sealing.contexts import SliceContext
from storage.sealing.seal import Sealing, seal_bytes
from storage.sealing.signing import VerifyKey

WHOLE_BYTES = 4 * 1024 * 1024
"""A file that comes whole with its creation, up to this size, is claimed, acknowledged and finished in one commit."""
BLOBS = "slices"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opening:
    """An upload that is about to be opened: what its slices are sealed as and to, and how much its link still takes."""

    place: SliceContext
    key: DayKey
    link_id: str
    left: int
    said: Piece
    told: Told


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
    siblings: Siblings | None = None
    """The other processes of this server, where there are any."""

    def begin(
        self,
        *,
        visit_id: str,
        slot_id: str,
        untrusted_name: str,
        untrusted_type: str,
        length: int | None,
        replaces: str | None = None,
        told: Told = NOTHING_TOLD,
    ) -> Standing:
        """Open an upload into a slot; see `uploads.open_upload` for who wins and what it raises."""
        opening = self._prepare(visit_id, slot_id, untrusted_name, untrusted_type, length, replaces, told)
        return self._open(opening, visit_id, length, replaces, (opening.said,))

    def receive(
        self,
        *,
        visit_id: str,
        slot_id: str,
        untrusted_name: str,
        untrusted_type: str,
        length: int | None,
        body: Iterable[bytes],
        announced: Announced = NOTHING,
        replaces: str | None = None,
        told: Told = NOTHING_TOLD,
    ) -> Standing:
        """Open an upload and take its first body. Raises what `begin` and `append` raise.

        A small file that comes whole is sealed before its slot is claimed, so that one commit does it all; what came of
        it before a cut is kept like any other.
        """
        opening = self._prepare(visit_id, slot_id, untrusted_name, untrusted_type, length, replaces, told)
        upload_id = opening.place.upload
        if length is None or announced.length != length or length > WHOLE_BYTES:
            self._open(opening, visit_id, length, replaces, (opening.said,))
            return self._append_first(visit_id, upload_id, body, announced)
        with self.holds.hold(upload_id, opening.link_id, announced.wake) as hold:
            chunks, pieces = Body(body, hold, announced.checksum), [opening.said]
            if chunks.more():
                place = replace(opening.place, seq=1)
                pieces.append(self._seal(chunks, place, end=length, left=opening.left, key=opening.key))
                chunks.demand()
            found = self._open(opening, visit_id, length, replaces, pieces)
            return self._append_slices(visit_id, found, chunks)

    def append(
        self,
        *,
        visit_id: str,
        upload_id: str,
        offset: int,
        body: Iterable[bytes],
        announced: Announced = NOTHING,
    ) -> Standing:
        """Take a body that begins at `offset`, slice by slice, and return where the upload stands then.

        With a checksum the body is acknowledged whole or not at all: a wrong one raises ChecksumMismatch, a cut one
        BodyCut. Raises OffsetConflict, UploadBusy, UploadEnded,
        LinkClosed, QuarantineKeyMissing; TooLarge and QuotaExceeded, which end the upload; BodyCut after what had
        arrived was acknowledged; BlobError.
        """
        found = self.standing(visit_id=visit_id, upload_id=upload_id)
        if offset != found.offset:
            raise OffsetConflict(upload_id, found.offset)
        with self.holds.hold(upload_id, found.link_id, announced.wake) as hold:
            try:
                _demand_room(found, announced.length)
                return self._append_slices(visit_id, found, Body(body, hold, announced.checksum))
            except (TooLarge, QuotaExceeded) as error:
                self._end(visit_id, upload_id, error.code)
                raise

    def finish(self, *, visit_id: str, upload_id: str) -> str | None:
        """Make the document of an upload whose length was not announced; return its id. See `uploads.finish`."""
        try:
            with self.database.transaction() as session:
                made = uploads.finish(session, visit_id=visit_id, upload_id=upload_id, now=self.clock())
                return made.id if made else None
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

    def settled(self, *, visit_id: str, upload_id: str) -> Standing:
        """Return how far an upload is, once whoever still writes to it kept what came and let go: its phone is back.

        Waits for `holds.LETTING_GO` seconds at most. Raises as `standing` does.
        """
        found = self.standing(visit_id=visit_id, upload_id=upload_id)
        if found.finished or not (
            self.holds.let_go(upload_id) or (self.siblings is not None and self.siblings.let_go(upload_id))
        ):
            return found
        return self.standing(visit_id=visit_id, upload_id=upload_id)

    def _prepare(
        self,
        visit_id: str,
        slot_id: str,
        untrusted_name: str,
        untrusted_type: str,
        length: int | None,
        replaces: str | None,
        told: Told,
    ) -> _Opening:
        """Check that the slot would take an upload and seal what was declared. Nothing is stored yet."""
        with self.database.reading() as session:
            link = uploads.check_room(
                session,
                visit_id=visit_id,
                slot_id=slot_id,
                length=length,
                replaces=replaces,
                told=told,
                now=self.clock(),
            ).link
            key = key_of_the_day(session, self.custodian, now=self.clock())
        place = SliceContext(org=link.org_id, case=link.case_id, slot=slot_id, upload=new_id(), seq=0, offset=0)
        said = declared(untrusted_name, untrusted_type).sealed_form()
        sealed = seal_bytes(said, [key.recipient], place)
        return _Opening(
            place=place,
            key=key,
            link_id=link.id,
            left=link.max_bytes - link.used_bytes,
            said=Piece(
                seq=0,
                offset=0,
                length=len(said),
                blob=None,
                payload=sealed.payload,
                header=sealed.header,
                key_id=key.id,
            ),
            told=told,
        )

    def _open(
        self, opening: _Opening, visit_id: str, length: int | None, replaces: str | None, pieces: Sequence[Piece]
    ) -> Standing:
        with self.database.transaction() as session:
            return uploads.open_upload(
                session,
                upload_id=opening.place.upload,
                visit_id=visit_id,
                slot_id=opening.place.slot,
                length=length,
                replaces=replaces,
                pieces=pieces,
                told=opening.told,
                now=self.clock(),
            )

    def _append_first(self, visit_id: str, upload_id: str, body: Iterable[bytes], announced: Announced) -> Standing:
        try:
            return self.append(visit_id=visit_id, upload_id=upload_id, offset=0, body=body, announced=announced)
        except ChecksumMismatch as error:  # its sender was never told of it
            self._end(visit_id, upload_id, error.code)
            raise

    def _append_slices(self, visit_id: str, found: Standing, body: Body) -> Standing:
        while body.more():
            with self.database.reading() as session:
                key = key_of_the_day(session, self.custodian, now=self.clock())
            piece = self._seal(body, _place(found), end=found.end, left=found.left, key=key)
            body.demand()
            with self.database.transaction() as session:
                found = uploads.acknowledge(
                    session, visit_id=visit_id, upload_id=found.upload_id, piece=piece, now=self.clock()
                )
        if body.cut:
            raise BodyCut(f"upload {found.upload_id}")
        return found

    def _seal(self, body: Body, place: SliceContext, *, end: int, left: int, key: DayKey) -> Piece:
        sealing = Sealing.to([key.recipient], place)
        blob = f"{BLOBS}/{self.clock().astimezone(UTC):%Y%m%d%H}/{new_id()}"
        slice_of_body = body.slice(room=end - place.offset, limit=end, left=left)
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
    if announced is not None and announced > found.left:
        raise QuotaExceeded(Quota.LINK_BYTES)
