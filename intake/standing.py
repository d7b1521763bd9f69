"""The values that pass between the streaming of uploads, their rows and the pages."""

from dataclasses import dataclass
from datetime import datetime

from records.uploads import Upload, UploadState


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One sealed slice, not yet acknowledged: durable in the blob store, or small and about to lie in its row.

    Offset and length in plaintext bytes.
    """

    seq: int
    offset: int
    length: int
    blob: str | None
    payload: bytes | None = None
    header: bytes
    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the sender tells of a file beside name, type and length; none of it is believed to be true.

    `page`: it is a photo for the tray of the slot, `retakes`: in the place of that upload's. `mark`: a keyed digest
    that recognises the file in another browser. `covered`: zones were covered on the phone.
    """

    page: bool = False
    retakes: str | None = None
    mark: str | None = None
    covered: bool = False


NOTHING_TOLD = Told()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far an upload is, as its sender may know it. All sizes in bytes."""

    upload_id: str
    org_id: str
    case_id: str
    link_id: str
    slot_id: str
    state: UploadState
    offset: int
    length: int | None
    limit: int
    """Most bytes that the whole file may have."""
    left: int
    """Most bytes that its link still takes, over all its uploads."""
    seq: int
    """Number of the next slice."""
    mark: str | None
    """Digest by which its file is recognised."""
    expires_at: datetime

    @property
    def finished(self) -> bool:
        """Whether the file is complete: in review, or a page in a tray."""
        return self.state in (UploadState.FINISHED, UploadState.GATHERED)

    @property
    def end(self) -> int:
        """Byte at which the body must stop: the announced length, else the limit."""
        return self.limit if self.length is None else self.length


def standing_of(upload: Upload) -> Standing:
    """Return the standing of a row."""
    return Standing(
        upload_id=upload.id,
        org_id=upload.org_id,
        case_id=upload.link.case_id,
        link_id=upload.link_id,
        slot_id=upload.slot_id,
        state=UploadState(upload.state),
        offset=upload.offset,
        length=upload.length,
        limit=upload.max_bytes,
        left=upload.link.max_bytes - upload.link.used_bytes,
        seq=upload.slices,
        mark=upload.mark,
        expires_at=upload.expires_at,
    )
