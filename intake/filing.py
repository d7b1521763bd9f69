"""Filing: slices are opened for inspection, and what passed is sealed to its case, part by part, with an attestation.

Rules: every pass opens the slices anew, checks that they are exactly the ones the upload fixed, and hashes; a part is
sealed only to a case key that the custodian signed; the row of a part is worth nothing without the inspector's
signature over where it belongs and what it holds.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from intake.declared import Sent
from records.cases import CaseKey
from records.documents import Document, Part
from records.uploads import Slice, Upload
from storage.blobs import BlobStore
from storage.database import new_id
from storage.sealing.contexts import DocumentContext, SliceContext
from storage.sealing.errors import SealingError
from storage.sealing.pipeline import SealedStream
from storage.sealing.seal import PublicKey, Sealing
from storage.sealing.signing import SigningKey, VerifyKey
from storage.sealing.stream import decrypt
from storage.sealing.unseal import PrivateKey, open_header

CASE_KEY = "case-key"
PART = "part"
ORIGINAL = "original"
META = "meta"
BLOBS = "docs"
"""Parts lie under docs/<day>/<random id>."""
MAX_NAME_SLICE = 4096


class FilingError(Exception):
    """Something about the slices or keys of one document does not hold; nothing of it is filed."""

    code = "filing_failed"


class SlicesInconsistent(FilingError):
    """The slices are not the gapless sequence that the upload fixed at its end."""

    code = "slices_inconsistent"


class CaseKeyPending(FilingError):
    """The custodian has not minted the case's key yet; filing waits."""

    code = "case_key_pending"


class HashChanged(FilingError):
    """The sealing pass did not see the bytes that were inspected."""

    code = "hash_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the browser said about the file; nothing of it is believed."""

    untrusted_name: str
    untrusted_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """Which engine let the document pass."""

    finding: str
    engine: str
    signatures: str


class SealedSlices:
    """The slices of one finished upload, opened as often as needed. Slice 0 holds what was declared."""

    def __init__(
        self,
        slices: Sequence[Slice],
        document: Document,
        upload: Upload,
        *,
        blobs: BlobStore,
        private: Callable[[str], PrivateKey],
    ) -> None:
        """Check that `slices` are the upload's, complete and gapless. Raises SlicesInconsistent.

        They open only if they were sealed for the organization, case and slot of the document, and for this upload.
        """
        ordered = sorted(slices, key=lambda piece: piece.seq)
        expected = 0
        for number, piece in enumerate(ordered):
            content = number > 0
            if piece.seq != number or (content and piece.offset != expected) or piece.length < 0:
                raise SlicesInconsistent(f"slice {number}")
            if piece.upload_id != upload.id:
                raise SlicesInconsistent(f"slice {number} of another upload")
            expected += piece.length if content else 0
        if not ordered or expected != upload.offset:
            raise SlicesInconsistent("length")
        self.size = expected
        self._place = {"org": document.org_id, "case": document.case_id, "slot": document.slot_id}
        self._slices = ordered
        self._blobs = blobs
        self._private = private

    def declared(self) -> Declared:
        """Open slice 0. Raises SlicesInconsistent when it is not what an upload writes."""
        if self._slices[0].length > MAX_NAME_SLICE:
            raise SlicesInconsistent("declaration")
        raw = b"".join(self._open(self._slices[0]))
        try:
            found = json.loads(raw)
            return Declared(untrusted_name=str(found["name"]), untrusted_type=str(found["type"]))
        except (ValueError, TypeError, KeyError, RecursionError):
            raise SlicesInconsistent("declaration") from None

    def content(self) -> Iterator[bytes]:
        """Yield the document's bytes; a new pass at every call. Raises SlicesInconsistent on any damage, BlobError."""
        for piece in self._slices[1:]:
            yield from self._open(piece)

    def _open(self, piece: Slice) -> Iterator[bytes]:
        context = SliceContext(**self._place, upload=piece.upload_id, seq=piece.seq, offset=piece.offset)
        private = self._private(piece.quarantine_key_id)
        length = 0
        try:
            for chunk in decrypt(self._sealed(piece), open_header(piece.header, private, context)):
                length += len(chunk)
                if length > piece.length:
                    break
                yield chunk
        except SealingError as error:
            raise SlicesInconsistent(f"slice {piece.seq}: {error.code}") from error
        if length != piece.length:
            raise SlicesInconsistent(f"slice {piece.seq}")

    def _sealed(self, piece: Slice) -> Iterable[bytes]:
        if piece.blob is not None:
            return self._blobs.read(piece.blob)
        return (piece.payload or b"",)


def case_public(key: CaseKey, custodian: VerifyKey) -> PublicKey:
    """Return the case's public key once it is minted, after verifying the custodian's signature.

    Raises CaseKeyPending, SignatureRefused.
    """
    if key.public is None or key.signature is None:
        raise CaseKeyPending(key.case_id)
    custodian.verify(CASE_KEY, key.statement(), key.signature)
    return PublicKey(key.public)


class PartSealer:
    """Seals the parts of one document to its case key and attests each."""

    def __init__(
        self,
        document: Document,
        recipient: PublicKey,
        scanned: Scanned,
        *,
        blobs: BlobStore,
        signer: SigningKey,
        names: Iterator[str],
    ) -> None:
        """Take ids from `document`; it is not changed. `names` gives each object a fresh, noted one."""
        self._document = document
        self._recipient = recipient
        self._scanned = scanned
        self._blobs = blobs
        self._signer = signer
        self._names = names

    def seal(
        self,
        name: str,
        chunks: Iterable[bytes],
        *,
        mime: str,
        sha256: bytes | None = None,
        width: int | None = None,
        height: int | None = None,
    ) -> Part:
        """Store one part and return its row, not yet in a session. With `sha256`, raises HashChanged on other bytes."""
        document = self._document
        context = DocumentContext(org=document.org_id, doc=document.id, part=name)
        sealing = Sealing.to([self._recipient], context)
        stream = SealedStream(sealing, chunks, hash_plaintext=sha256 is not None)
        blob = next(self._names)
        self._blobs.put(blob, stream)
        if sha256 is not None and stream.plaintext.sha256 != sha256:
            self._blobs.delete(blob)
            raise HashChanged(document.id)
        part = Part(
            id=new_id(),
            org_id=document.org_id,
            case_id=document.case_id,
            document_id=document.id,
            name=name,
            blob=blob,
            header=sealing.header,
            header_sha256=hashlib.sha256(sealing.header).hexdigest(),
            payload_sha256=stream.payload.sha256.hex(),
            payload_size=stream.payload.size,
            mime=mime,
            width=width,
            height=height,
            finding=self._scanned.finding,
            engine=self._scanned.engine,
            signatures=self._scanned.signatures,
        )
        part.attestation = self._signer.sign(PART, part.attested())
        return part


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """Ties a filed file to its audit event without telling its hash: SHA-256(salt || sha256), salt of 32 bytes."""

    salt: bytes
    sha256: bytes

    @classmethod
    def to(cls, sha256: bytes) -> "Commitment":
        """Commit with a fresh salt."""
        return cls(salt=secrets.token_bytes(32), sha256=sha256)

    def hexdigest(self) -> str:
        """Return the commitment as the audit event holds it."""
        return hashlib.sha256(self.salt + self.sha256).hexdigest()


class Fingerprints:
    """Recognises judged bytes later without keeping their hash: HMAC-SHA256 under a key that only the inspector has."""

    def __init__(self, signer: SigningKey) -> None:
        """Derive the key from the attestation key."""
        self._key = hashlib.sha256(b"resguardo/fingerprint\n" + signer.raw()).digest()

    def of(self, document_id: str, sha256: bytes) -> bytes:
        """Return the fingerprint of one document's bytes."""
        return hmac.digest(self._key, document_id.encode() + b"\n" + sha256, "sha256")

    def within_case(self, case_id: str, sha256: bytes) -> bytes:
        """Return what equal bytes have in common inside one case, and nowhere else."""
        return hmac.digest(self._key, b"case/" + case_id.encode() + b"\n" + sha256, "sha256")

    def check(self, document_id: str, chunks: Iterable[bytes], fingerprint: bytes) -> str:
        """Return the SHA-256 (hexadecimal) of `chunks` if they are the fingerprinted bytes. Raises HashChanged."""
        seen = hashlib.sha256()
        for chunk in chunks:
            seen.update(chunk)
        if not hmac.compare_digest(self.of(document_id, seen.digest()), fingerprint):
            raise HashChanged(document_id)
        return seen.hexdigest()


def meta_json(
    declared: Declared, commitment: Commitment, *, size: int, mime: str, photos: Sequence[Sent] = ()
) -> bytes:
    """Return the content of the `meta` part: what may be known only to who may open the document.

    `photos` are what the file was made of, where it is not what was sent.
    """
    told: dict[str, object] = {
        "name": declared.untrusted_name,
        "declared_type": declared.untrusted_type,
        "mime": mime,
        "size": size,
        "sha256": commitment.sha256.hex(),
        "salt": commitment.salt.hex(),
    }
    if photos:
        told["photos"] = [
            {"name": photo.untrusted_name, "size": photo.size, "sha256": photo.sha256} for photo in photos
        ]
    return json.dumps(told, sort_keys=True).encode()


def verify_part(part: Part, inspector: VerifyKey) -> None:
    """Return only if the inspector attested exactly this part, with this header. Raises SignatureRefused."""
    if hashlib.sha256(part.header).hexdigest() != part.header_sha256:
        raise HashChanged(part.id)
    inspector.verify(PART, part.attested(), part.attestation)
