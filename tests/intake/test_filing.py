"""Filing: only the slices that the upload fixed are opened, only attested parts count, hashes agree or nothing is."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from intake.filing import (
    CASE_KEY,
    CaseKeyPending,
    Commitment,
    Declared,
    Fingerprints,
    HashChanged,
    PartSealer,
    Scanned,
    SealedSlices,
    SlicesInconsistent,
    case_public,
    meta_json,
    verify_part,
)
from records.cases import CaseKey
from records.documents import Document, Part
from records.uploads import Slice, Upload
from storage.blobs import BlobMissing, LocalBlobStore
from storage.database import Database, new_id
from storage.sealing.contexts import DocumentContext
from storage.sealing.errors import SealingError, SignatureRefused
from storage.sealing.seal import Sealing
from storage.sealing.signing import SigningKey
from storage.sealing.unseal import PrivateKey, open_header
from tests.intake.building import World, a_world, place_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIRST, SECOND = b"the first half, ", b"and the second"


@pytest.fixture
def world(sqlite_database: Database, tmp_path: Path) -> World:
    return a_world(sqlite_database, LocalBlobStore(tmp_path / "blobs"))


@pytest.fixture
def slices(world: World) -> list[Slice]:
    """Name and type, and two slices of content."""
    return uploaded(world, 0, FIRST, SECOND)


def uploaded(world: World, slot: int, *bodies: bytes) -> list[Slice]:
    upload, offset = world.begin(slot=slot, name="ine.jpg"), 0
    for body in bodies:
        world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=offset, body=[body])
        offset += len(body)
    world.intake.finish(visit_id=world.visit_id, upload_id=upload)
    with world.database.reading() as session:
        return list(session.scalars(select(Slice).where(Slice.upload_id == upload).order_by(Slice.seq)))


def opened(world: World, rows: list[Slice], size: int = len(FIRST + SECOND)) -> SealedSlices:
    document, upload = claimed(world, size)
    return SealedSlices(rows, document, upload, blobs=world.blobs, private=lambda _id: world.keys.quarantine)


def claimed(world: World, size: int, **columns: str) -> tuple[Document, Upload]:
    """The rows of the document in the first slot and of its upload, with what an attacker wrote into them."""
    with world.database.reading() as session:
        real = session.scalars(select(Document).where(Document.slot_id == world.slots[0])).one()
        found = {name: getattr(real, name) for name in ("org_id", "case_id", "slot_id", "upload_id")}
    return Document(**{**found, **columns}, id=new_id(), size=size), Upload(id=real.upload_id, offset=size)


def content(world: World, rows: list[Slice], size: int = len(FIRST + SECOND)) -> bytes:
    return b"".join(opened(world, rows, size).content())


def planted(world: World, row: Slice, body: bytes, *, length: int | None = None) -> None:
    """Seal other bytes into a slice's place, as whoever captured the portal could."""
    with world.database.reading() as session:
        sealing = Sealing.to([world.keys.quarantine.public()], place_of(session, row))
    row.blob = f"slices/2026030112/{new_id()}"
    world.blobs.put(row.blob, sealing.encrypt([body]))
    row.header, row.length = sealing.header, len(body) if length is None else length


def test_the_slices_give_back_what_was_sent_as_often_as_asked(world: World, slices: list[Slice]) -> None:
    found = opened(world, list(reversed(slices)))
    assert b"".join(found.content()) == b"".join(found.content()) == FIRST + SECOND
    assert found.declared() == Declared(untrusted_name="ine.jpg", untrusted_type="image/jpeg")


ATTACKS: dict[str, Callable[[list[Slice]], list[Slice]]] = {
    "no slices": lambda _rows: [],
    "only the name": lambda rows: rows[:1],
    "a gap": lambda rows: [rows[0], rows[2]],
    "the end cut off": lambda rows: rows[:2],
    "the name left out": lambda rows: rows[1:],
    "a slice twice": lambda rows: [*rows, rows[2]],
    "a slice twice under the next number": lambda rows: [*rows, copied(rows[2], seq=3)],
    "another offset": lambda rows: [rows[0], rows[1], copied(rows[2], offset=3)],
    "a negative length": lambda rows: [rows[0], copied(rows[1], length=-5), rows[2]],
    "a slice that says it is of another upload": lambda rows: [rows[0], copied(rows[1], upload_id=new_id()), rows[2]],
}


def copied(row: Slice, **changes: object) -> Slice:
    columns = {column.key: getattr(row, column.key) for column in Slice.__table__.columns}
    return Slice(**{**columns, "id": new_id(), **changes})


@pytest.mark.parametrize("attack", ATTACKS)
def test_slices_that_are_not_the_sequence_of_the_upload_are_refused(
    world: World, slices: list[Slice], attack: str
) -> None:
    with pytest.raises(SlicesInconsistent):
        opened(world, ATTACKS[attack](slices))


def test_slices_of_another_length_than_the_document_are_refused(world: World, slices: list[Slice]) -> None:
    for size in (len(FIRST + SECOND) - 1, len(FIRST + SECOND) + 1, 0):
        with pytest.raises(SlicesInconsistent):
            opened(world, slices, size)


def test_a_slice_of_another_upload_in_the_place_of_ours_is_not_opened(world: World, slices: list[Slice]) -> None:
    other = uploaded(world, 1, FIRST, SECOND)
    slices[1].blob, slices[1].header = other[1].blob, other[1].header
    with pytest.raises(SlicesInconsistent):
        content(world, slices)


@pytest.mark.parametrize("column", ["org_id", "case_id", "slot_id"])
def test_slices_do_not_open_for_another_organization_case_or_slot(
    world: World, slices: list[Slice], column: str
) -> None:
    stolen = SealedSlices(
        slices,
        *claimed(world, len(FIRST + SECOND), **{column: new_id()}),
        blobs=world.blobs,
        private=lambda _id: world.keys.quarantine,
    )
    with pytest.raises(SlicesInconsistent, match="context_mismatch"):
        stolen.declared()
    with pytest.raises(SlicesInconsistent, match="context_mismatch"):
        list(stolen.content())


def test_two_slices_of_one_upload_cannot_change_places(world: World) -> None:
    rows = uploaded(world, 0, b"same length 1", b"same length 2")
    rows[1].blob, rows[2].blob = rows[2].blob, rows[1].blob
    rows[1].header, rows[2].header = rows[2].header, rows[1].header
    with pytest.raises(SlicesInconsistent):
        content(world, rows, 26)


@pytest.mark.parametrize("body", [b"short", FIRST + b"and much more than was said", b""])
def test_a_slice_that_holds_another_length_than_its_row_is_refused(
    world: World, slices: list[Slice], body: bytes
) -> None:
    planted(world, slices[1], body, length=len(FIRST))
    with pytest.raises(SlicesInconsistent):
        content(world, slices)


def test_a_slice_that_lies_about_its_length_gives_no_byte_beyond_it(world: World, slices: list[Slice]) -> None:
    planted(world, slices[2], b"x" * 1_000_000, length=len(SECOND))
    seen: list[bytes] = []
    with pytest.raises(SlicesInconsistent):
        seen.extend(opened(world, slices).content())
    assert sum(map(len, seen)) <= len(FIRST + SECOND)


def test_a_damaged_object_is_refused(world: World, slices: list[Slice]) -> None:
    sealed = bytearray(b"".join(world.blobs.read(slices[1].blob)))
    sealed[20] ^= 1
    slices[1].blob = f"slices/2026030112/{new_id()}"
    world.blobs.put(slices[1].blob, [bytes(sealed)])
    with pytest.raises(SlicesInconsistent):
        content(world, slices)


def test_an_object_that_is_gone_is_the_stores_failure_not_the_customers(world: World, slices: list[Slice]) -> None:
    world.blobs.delete(slices[1].blob)
    with pytest.raises(BlobMissing):
        content(world, slices)


@pytest.mark.parametrize(
    "said",
    [b"", b"no json", b"[]", b'"text"', b"{}", b'{"name": "x"}', b"[" * 4000, b'{"name": "' + b"x" * 5000 + b'"}'],
)
def test_a_planted_declaration_is_refused(world: World, slices: list[Slice], said: bytes) -> None:
    planted(world, slices[0], said)
    with pytest.raises(SlicesInconsistent):
        opened(world, slices).declared()


def fresh() -> str:
    return f"docs/20260301/{new_id()}"


def a_document() -> Document:
    return Document(id=new_id(), org_id="o1", case_id="c1", size=3)


def sealed_part(blobs: LocalBlobStore, case: PrivateKey, signer: SigningKey, sha256: bytes | None = None) -> Part:
    scanned = Scanned(finding="clean", engine="ClamAV", signatures="1")
    sealer = PartSealer(a_document(), case.public(), scanned, blobs=blobs, signer=signer, names=iter([fresh()]))
    return sealer.seal("original", [b"abc"], mime="image/jpeg", sha256=sha256)


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobStore:
    store = LocalBlobStore(tmp_path / "vault")
    store.check()
    return store


def test_a_part_is_sealed_to_its_case_and_attested(blobs: LocalBlobStore) -> None:
    case, signer = PrivateKey.generate(), SigningKey.generate()
    part = sealed_part(blobs, case, signer, hashlib.sha256(b"abc").digest())
    verify_part(part, signer.verify_key())
    assert hashlib.sha256(b"".join(blobs.read(part.blob))).hexdigest() == part.payload_sha256
    open_header(part.header, case, DocumentContext(org="o1", doc=part.document_id, part="original"))


def test_the_inspector_cannot_reread_what_it_filed(blobs: LocalBlobStore) -> None:
    """Of the case it holds the public half only; its own keys open slices."""
    part = sealed_part(blobs, PrivateKey.generate(), SigningKey.generate())
    with pytest.raises(SealingError):
        open_header(
            part.header, PrivateKey.generate(), DocumentContext(org="o1", doc=part.document_id, part="original")
        )


def test_bytes_that_changed_since_the_inspection_are_not_filed(blobs: LocalBlobStore) -> None:
    with pytest.raises(HashChanged):
        sealed_part(blobs, PrivateKey.generate(), SigningKey.generate(), hashlib.sha256(b"other").digest())
    assert list(blobs.names()) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("org_id", "o2"), ("case_id", "c2"), ("document_id", "d2"), ("name", "meta"), ("payload_sha256", "0" * 64),
        ("payload_size", 1), ("mime", "application/pdf"), ("finding", "infected"), ("engine", "none"),
        ("signatures", "0"), ("header_sha256", "0" * 64), ("header", b"another header"), ("attestation", b"\0" * 64),
        ("attestation", b""),
    ],
)  # fmt: skip
def test_a_part_is_worth_nothing_once_a_field_was_changed(blobs: LocalBlobStore, column: str, value: object) -> None:
    signer = SigningKey.generate()
    part = sealed_part(blobs, PrivateKey.generate(), signer)
    setattr(part, column, value)
    with pytest.raises((SignatureRefused, HashChanged)):
        verify_part(part, signer.verify_key())


def test_a_part_that_somebody_else_attested_is_worth_nothing(blobs: LocalBlobStore) -> None:
    part = sealed_part(blobs, PrivateKey.generate(), SigningKey.generate())
    with pytest.raises(SignatureRefused):
        verify_part(part, SigningKey.generate().verify_key())


def a_case_key(custodian: SigningKey) -> CaseKey:
    key = CaseKey(org_id="o1", case_id="c1", public=PrivateKey.generate().public().raw)
    key.signature = custodian.sign(CASE_KEY, key.statement())
    return key


def test_a_case_without_a_key_waits() -> None:
    custodian = SigningKey.generate()
    for missing in ("public", "signature"):
        key = a_case_key(custodian)
        setattr(key, missing, None)
        with pytest.raises(CaseKeyPending):
            case_public(key, custodian.verify_key())


def test_a_swapped_case_public_key_gets_nothing_sealed_to_it() -> None:
    custodian = SigningKey.generate()
    key, stranger = a_case_key(custodian), a_case_key(custodian)
    stranger.case_id = "c2"
    stranger.signature = custodian.sign(CASE_KEY, stranger.statement())
    key.public = stranger.public
    with pytest.raises(SignatureRefused):
        case_public(key, custodian.verify_key())
    key.signature = stranger.signature  # with its own good signature, which names another case
    with pytest.raises(SignatureRefused):
        case_public(key, custodian.verify_key())


def test_a_signature_of_the_custodian_for_another_purpose_certifies_no_case_key() -> None:
    custodian = SigningKey.generate()
    key = a_case_key(custodian)
    key.signature = custodian.sign("certified-quarantine-key", key.statement())
    with pytest.raises(SignatureRefused):
        case_public(key, custodian.verify_key())


def test_only_the_judged_bytes_have_the_fingerprint() -> None:
    fingerprints = Fingerprints(SigningKey.generate())
    kept = fingerprints.of("d1", hashlib.sha256(b"abc").digest())
    assert fingerprints.check("d1", [b"a", b"bc"], kept) == hashlib.sha256(b"abc").hexdigest()
    for document, data in (("d1", b"abd"), ("d2", b"abc")):
        with pytest.raises(HashChanged):
            fingerprints.check(document, [data], kept)
    with pytest.raises(HashChanged):
        Fingerprints(SigningKey.generate()).check("d1", [b"abc"], kept)


def test_the_commitment_is_bound_by_salt_and_hash_that_only_meta_tells() -> None:
    sha256 = hashlib.sha256(b"abc").digest()
    one, two = Commitment.to(sha256), Commitment.to(sha256)
    assert one.hexdigest() != two.hexdigest()
    told = json.loads(meta_json(Declared(untrusted_name="a", untrusted_type="b"), one, size=3, mime="image/jpeg"))
    again = hashlib.sha256(bytes.fromhex(told["salt"]) + bytes.fromhex(told["sha256"])).hexdigest()
    assert again == one.hexdigest()
    assert len(bytes.fromhex(told["salt"])) == 32
