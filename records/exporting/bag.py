"""The bag (BagIt 1.0, RFC 8493) as a ZIP that is made while it is sent: constant memory, nothing on disk.

Rules: what can be known beforehand is checked before the first byte; what turns out while streaming (a damaged
payload, other bytes than those filed, a key refused) raises, so that the ZIP ends without its directory and manifests
and no reader can take it for a whole record. No database session lives while bytes flow.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from zipstream import ZipStream

from records.exporting import readme, tables
from records.exporting.contents import CaseRecord, FiledDocument, SealedPart, commitment_of
from records.exporting.errors import ExportDamaged
from records.exporting.names import file_name
from storage.blobs import BlobError, BlobStore
from storage.sealing.errors import SealingError
from storage.sealing.stream import decrypt, payload_size

OpenPart = Callable[[str, str], bytes]
"""(document id, part name) -> the 16-byte file key of that part. Whatever it raises passes through."""

MAX_META = 64 * 1024
BAGIT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A document whose sealed name, hash and salt are known: ready to be written."""

    document: FiledDocument
    path: str
    sha256: bytes
    told: dict[str, Any]


def stream_bag(record: CaseRecord, *, blobs: BlobStore, open_part: OpenPart) -> Iterator[bytes]:
    """Return the ZIP of the bag in pieces of at most a few MiB.

    Before it returns, every document's sealed description is opened and held against the trail, and every object is
    known to be there in its full length. Raises ExportDamaged (here, or midway when bytes turn out to be damaged) and
    whatever `open_part` raises.
    """
    entries = [_entry(document, blobs, open_part) for document in record.documents]
    return _stream(record, entries, blobs, open_part)


def _entry(document: FiledDocument, blobs: BlobStore, open_part: OpenPart) -> _Entry:
    """Open the description of one document. Raises ExportDamaged unless it is the one that was filed."""
    original = document.original
    try:
        stored = blobs.size(original.blob)
    except BlobError as error:
        raise _damaged(document, original.name, error.code) from error
    if stored != original.payload_size or stored != payload_size(document.size):
        raise _damaged(document, original.name, "other length")
    meta = _meta(document, blobs, open_part)
    try:
        sha256, salt, size = bytes.fromhex(meta["sha256"]), bytes.fromhex(meta["salt"]), meta["size"]
        name, declared = str(meta["name"]), str(meta["declared_type"])
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(document, "meta", "not a description") from error
    if size != document.size or commitment_of(salt, sha256) not in document.commitments:
        raise _damaged(document, "meta", "not the one that was filed")
    path = f"data/documents/{document.folder}/{file_name(name, original.mime)}"
    told = {
        **document.entry,
        "path": path,
        "name": name,
        "declared_type": declared,
        "mime": original.mime,
        "sha256": sha256.hex(),
        "salt": salt.hex(),
    }
    return _Entry(document=document, path=path, sha256=sha256, told=told)


def _meta(document: FiledDocument, blobs: BlobStore, open_part: OpenPart) -> Mapping[str, Any]:
    if document.meta.payload_size > MAX_META:
        raise _damaged(document, "meta", "too long")
    try:
        found = json.loads(b"".join(_opened(document, document.meta, blobs, open_part)))
    except ValueError as error:
        raise _damaged(document, "meta", "not JSON") from error
    if not isinstance(found, dict):
        raise _damaged(document, "meta", "not a description")
    return found


def _opened(document: FiledDocument, part: SealedPart, blobs: BlobStore, open_part: OpenPart) -> Iterator[bytes]:
    """Yield the genuine bytes of one part. Raises ExportDamaged, possibly midway."""
    file_key = open_part(document.id, part.name)
    try:
        yield from decrypt(blobs.read(part.blob), file_key)
    except (BlobError, SealingError) as error:
        raise _damaged(document, part.name, error.code) from error


def _original(entry: _Entry, blobs: BlobStore, open_part: OpenPart) -> Iterator[bytes]:
    """Yield the bytes of an original. Raises ExportDamaged at the end when they are not the ones that were filed."""
    digest = hashlib.sha256()
    for block in _opened(entry.document, entry.document.original, blobs, open_part):
        digest.update(block)
        yield block
    if digest.digest() != entry.sha256:
        raise _damaged(entry.document, "original", "not the bytes that were filed")


def _damaged(document: FiledDocument, part: str, why: str) -> ExportDamaged:
    return ExportDamaged(f"document {document.id}, {part}: {why}")


@dataclass(slots=True)
class _Writer:
    """Writes files into the ZIP under the bag's folder and remembers their checksums."""

    root: str
    zip: ZipStream = field(default_factory=lambda: ZipStream(sized=False))
    payload: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    octets: int = 0

    def write(self, path: str, content: bytes) -> Iterator[bytes]:
        """Yield the ZIP's bytes of a small file."""
        return self.stream(path, iter((content,)), len(content))

    def stream(self, path: str, blocks: Iterator[bytes], size: int) -> Iterator[bytes]:
        """Yield the ZIP's bytes of a file of `size` bytes."""
        self.zip.add(self._hashed(path, blocks), f"{self.root}/{path}", size=size)
        yield from self.zip.all_files()

    def _hashed(self, path: str, blocks: Iterator[bytes]) -> Iterator[bytes]:
        digest, octets = hashlib.sha256(), 0
        for block in blocks:
            digest.update(block)
            octets += len(block)
            yield block
        if path.startswith("data/"):
            self.payload[path] = digest.hexdigest()
            self.octets += octets
        else:
            self.tags[path] = digest.hexdigest()


def _stream(record: CaseRecord, entries: list[_Entry], blobs: BlobStore, open_part: OpenPart) -> Iterator[bytes]:
    bag = _Writer(record.name)
    yield from bag.write("bagit.txt", BAGIT)
    for entry in entries:
        yield from bag.stream(entry.path, _original(entry, blobs, open_part), entry.document.size)
    told = [entry.told for entry in entries]
    yield from bag.write("data/index.json", tables.index_json(record.index, told))
    yield from bag.write("data/index.csv", tables.index_csv(record.index, told))
    for name, content in record.audit.items():
        yield from bag.write(f"data/audit/{name}", content)
    yield from bag.write("verify.py", resources.files("records.exporting").joinpath("verify.py").read_bytes())
    for name, text in readme.TEXTS.items():
        yield from bag.write(name, text.encode())
    yield from bag.write("bag-info.txt", _bag_info(record, bag))
    yield from bag.write("manifest-sha256.txt", manifest(bag.payload))
    yield from bag.write("tagmanifest-sha256.txt", manifest(bag.tags))
    yield from bag.zip.footer()


def manifest(checksums: Mapping[str, str]) -> bytes:
    """Return a manifest: `<sha256>  <path>`, with percent sign, CR and LF of a path encoded (RFC 8493, 2.1.3)."""
    return "".join(f"{digest}  {_encoded(path)}\n" for path, digest in checksums.items()).encode()


def _encoded(path: str) -> str:
    return path.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _bag_info(record: CaseRecord, bag: _Writer) -> bytes:
    values = {
        "Source-Organization": record.organization,
        "External-Identifier": record.external_ref or str(record.index["case"]),
        "Internal-Sender-Identifier": record.export_id,
        "Bagging-Date": record.exported_on,
        "Bag-Software-Agent": "Resguardo",
        "Payload-Oxum": f"{bag.octets}.{len(bag.payload)}",
    }
    return "".join(f"{label}: {' '.join(value.split())}\n" for label, value in values.items()).encode()
