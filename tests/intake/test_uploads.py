"""Uploads: claimed once, acknowledged slice by slice, finished once, stopped by revocation, bounded by quotas."""

import hashlib
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from audit import AuditEvent
from intake import slicing, uploads
from intake.checksums import Checksum
from intake.errors import (
    BodyCut,
    EmptyFile,
    OffsetConflict,
    QuarantineKeyMissing,
    TooLarge,
    UploadBusy,
    UploadEnded,
    UploadNotFound,
)
from intake.receiving import Intake
from intake.slicing import Announced
from intake.standing import Standing
from records import links
from records.documents import Document, DocumentState
from records.errors import LinkClosed, NotFound, QuotaExceeded, SlotTaken
from records.links import UploadLink, Visit
from records.requests import DocumentRequest, Slot, SlotState
from records.uploads import QuarantineKey, Slice, Upload, UploadState
from storage.blobs import LocalBlobStore
from storage.database import Database
from storage.sealing.signing import SigningKey
from tests.intake.building import MIB, World, a_world, certified_keys


@pytest.fixture
def world(sqlite_database: Database, tmp_path: Path) -> World:
    return a_world(sqlite_database, LocalBlobStore(tmp_path / "blobs"))


@pytest.fixture
def both(database: Database, tmp_path: Path) -> World:
    """A world on SQLite and on PostgreSQL."""
    return a_world(database, LocalBlobStore(tmp_path / "blobs"))


def chunks(data: bytes, size: int = 65536) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def cut_after(data: bytes) -> Iterator[bytes]:
    yield from chunks(data)
    raise BodyCut


def events(world: World) -> list[str]:
    with world.database.reading() as session:
        return list(session.scalars(select(AuditEvent.event).order_by(AuditEvent.at, AuditEvent.id)))


def count(world: World, model: type) -> int:
    with world.database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_a_finished_upload_is_a_received_document_that_waits_for_inspection(both: World) -> None:
    data = secrets.token_bytes(300_000)
    upload = both.begin(length=len(data))
    done = both.intake.append(visit_id=both.visit_id, upload_id=upload, offset=0, body=chunks(data))
    assert done.finished
    with both.database.reading() as session:
        document = session.scalars(select(Document)).one()
        slot = session.get_one(Slot, both.slots[0])
        assert (document.state, document.size, document.due_at) == (DocumentState.RECEIVED, len(data), both.clock.now)
        assert (slot.state, slot.document_id) == (SlotState.RECEIVED, document.id)
        assert session.get_one(UploadLink, both.link_id).used_bytes == len(data)
    assert both.content(upload) == data
    assert both.declared(upload) == {"name": "ine.jpg", "type": "image/jpeg"}
    assert sorted(events(both)) == ["customer:upload:finished", "customer:upload:started"]


def test_a_body_in_several_requests_is_the_same_document(world: World) -> None:
    data = secrets.token_bytes(500_001)
    upload = world.begin(length=len(data))
    for start in range(0, len(data), 123_456):
        part = data[start : start + 123_456]
        world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=start, body=[part])
    assert world.content(upload) == data


def test_a_long_body_becomes_several_slices(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slicing, "SLICE_BYTES", 100_000)
    data = secrets.token_bytes(450_000)
    upload = world.begin(length=len(data))
    world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=chunks(data, 50_000))
    assert count(world, Slice) == 1 + 5
    assert world.content(upload) == data


def test_what_arrived_before_a_cut_is_kept_and_the_rest_follows(world: World) -> None:
    data = secrets.token_bytes(400_000)
    upload = world.begin(length=len(data))
    with pytest.raises(BodyCut):
        world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=cut_after(data[:150_000]))
    standing = world.intake.standing(visit_id=world.visit_id, upload_id=upload)
    assert standing.offset == 150_000
    world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=150_000, body=chunks(data[150_000:]))
    assert world.content(upload) == data


def test_a_replayed_slice_changes_nothing(both: World) -> None:
    upload = both.begin(length=200)
    both.intake.append(visit_id=both.visit_id, upload_id=upload, offset=0, body=[b"a" * 100])
    with pytest.raises(OffsetConflict) as conflict:
        both.intake.append(visit_id=both.visit_id, upload_id=upload, offset=0, body=[b"a" * 100])
    assert conflict.value.offset == 100
    both.intake.append(visit_id=both.visit_id, upload_id=upload, offset=100, body=[b"b" * 100])
    with pytest.raises(OffsetConflict):
        both.intake.append(visit_id=both.visit_id, upload_id=upload, offset=100, body=[b"b" * 100])
    assert count(both, Document) == 1


def test_one_byte_over_the_limit_is_cut_and_nothing_of_it_is_stored(sqlite_database: Database, tmp_path: Path) -> None:
    world = a_world(sqlite_database, LocalBlobStore(tmp_path / "blobs"), max_bytes=1 * MIB)
    upload = world.begin()
    before = world.blob_names()
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 65536
            yield b"x" * 65536 if sent <= MIB else b"x"

    with pytest.raises(TooLarge) as refused:
        world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=body())
    assert refused.value.limit == MIB
    assert sent == MIB + 65536  # cut at the first chunk beyond the limit
    assert world.blob_names() == before
    assert not list((tmp_path / "blobs" / "incoming").iterdir())
    with pytest.raises(UploadEnded):
        world.intake.standing(visit_id=world.visit_id, upload_id=upload)
    assert world.begin(length=10)  # the slot is free again


def test_more_than_the_announced_length_is_refused(world: World) -> None:
    upload = world.begin(length=100)
    with pytest.raises(TooLarge):
        world.intake.append(
            visit_id=world.visit_id, upload_id=upload, offset=0, body=[b"x" * 101], announced=Announced(length=101)
        )
    assert count(world, Document) == 0


def test_a_file_over_the_limit_is_refused_before_its_first_byte(world: World) -> None:
    with pytest.raises(TooLarge):
        world.begin(length=100 * MIB + 1)
    assert world.blob_names() == []
    assert count(world, Upload) == 0


def test_an_empty_file_is_refused(world: World) -> None:
    with pytest.raises(EmptyFile):
        world.begin(length=0)
    upload = world.begin()
    world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[])
    with pytest.raises(EmptyFile):
        world.intake.finish(visit_id=world.visit_id, upload_id=upload)
    assert count(world, Document) == 0
    assert world.begin(length=5)


def test_of_parallel_claims_of_a_slot_one_wins(both: World) -> None:
    def claim(_: int) -> str:
        try:
            return both.begin(length=10)
        except SlotTaken as error:
            return error.code

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(claim, range(50)))
    assert outcomes.count("slot_taken") == 49
    assert count(both, Upload) == 1
    with both.database.reading() as session:
        assert session.get_one(UploadLink, both.link_id).used_files == 1


def test_of_fifty_parallel_finishes_one_makes_the_document(both: World) -> None:
    upload = both.begin()
    both.intake.append(visit_id=both.visit_id, upload_id=upload, offset=0, body=[b"data"])
    with ThreadPoolExecutor(16) as pool:
        documents = set(pool.map(lambda _: both.intake.finish(visit_id=both.visit_id, upload_id=upload), range(50)))
    assert len(documents) == 1
    assert count(both, Document) == 1
    assert events(both).count("customer:upload:finished") == 1


def test_of_parallel_slices_at_one_offset_one_is_acknowledged(both: World) -> None:
    upload = both.begin(length=1000)

    def send(number: int) -> str:
        intake = Intake(  # a process of its own: no hold in common
            database=both.database, blobs=both.blobs, custodian=both.intake.custodian, clock=both.clock
        )
        try:
            intake.append(visit_id=both.visit_id, upload_id=upload, offset=0, body=[bytes([number]) * 500])
        except OffsetConflict as error:
            return error.code
        return "won"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(send, range(8)))
    assert outcomes.count("won") == 1
    assert len(set(both.content(upload))) == 1
    assert len(both.content(upload)) == 500


def test_the_quota_of_files_holds_under_twenty_parallel_clients(both: World) -> None:
    with both.database.transaction() as session:
        session.get_one(UploadLink, both.link_id).max_files = 2

    def claim(number: int) -> str:
        try:
            return both.begin(slot=number % 3, length=10) and "opened"
        except (QuotaExceeded, SlotTaken) as error:
            return error.code

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(claim, range(20)))
    assert outcomes.count("opened") == 2
    assert count(both, Upload) == 2


def test_the_quota_of_bytes_holds_under_parallel_slices(both: World) -> None:
    with both.database.transaction() as session:
        session.get_one(UploadLink, both.link_id).max_bytes = 250
    open_uploads = [both.begin(slot=number, length=100) for number in range(3)]

    def send(upload: str) -> str:
        try:
            both.intake.append(visit_id=both.visit_id, upload_id=upload, offset=0, body=[b"x" * 100])
        except QuotaExceeded as error:
            return error.code
        return "sent"

    with ThreadPoolExecutor(3) as pool:
        outcomes = sorted(pool.map(send, open_uploads))
    assert outcomes == ["quota_link_bytes", "sent", "sent"]
    with both.database.reading() as session:
        assert session.get_one(UploadLink, both.link_id).used_bytes == 200


def test_a_revoked_link_stops_before_the_next_acknowledgement(both: World) -> None:
    upload = both.begin(length=200)

    def revoked_on_the_way() -> Iterator[bytes]:
        yield b"x" * 100
        with both.database.transaction() as session:
            links.revoke(session, session.get_one(UploadLink, both.link_id), now=both.clock.now)

    with pytest.raises(LinkClosed):
        both.intake.append(visit_id=both.visit_id, upload_id=upload, offset=0, body=revoked_on_the_way())
    with both.database.reading() as session:
        assert session.get_one(Upload, upload).offset == 0
    with pytest.raises(LinkClosed):
        both.intake.append(visit_id=both.visit_id, upload_id=upload, offset=0, body=[b"x"])
    with pytest.raises(LinkClosed):
        both.begin(slot=1, length=1)


def test_a_cancelled_request_stops_its_uploads(world: World) -> None:
    upload = world.begin(length=200)
    with world.database.transaction() as session:
        session.get_one(DocumentRequest, world.request_id).cancel()
    with pytest.raises(LinkClosed):
        world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[b"x"])


def test_a_visit_that_ended_sends_nothing_more(world: World) -> None:
    upload = world.begin(length=200)
    world.clock.advance(minutes=31)
    with pytest.raises(LinkClosed):
        world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[b"x"])


def test_an_upload_keeps_its_visit_awake(world: World) -> None:
    upload = world.begin(length=200)
    for offset in range(3):
        world.clock.advance(minutes=20)
        world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=offset, body=[b"x"])


def test_an_upload_of_another_link_looks_like_none(world: World) -> None:
    other = a_world(world.database, world.blobs, keys=world.keys)
    theirs = other.begin(length=10)
    with pytest.raises(UploadNotFound):
        world.intake.append(visit_id=world.visit_id, upload_id=theirs, offset=0, body=[b"x"])
    with pytest.raises(UploadNotFound):
        world.intake.terminate(visit_id=world.visit_id, upload_id=theirs)
    with pytest.raises(NotFound):
        world.intake.begin(
            visit_id=world.visit_id, slot_id=other.slots[0], untrusted_name="", untrusted_type="", length=1
        )


def test_a_slot_in_review_takes_nothing(world: World) -> None:
    upload = world.begin(length=4)
    world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[b"data"])
    with pytest.raises(SlotTaken):
        world.begin(length=4)


def test_a_named_upload_is_replaced_and_the_old_one_ends(both: World) -> None:
    first = both.begin(length=10)
    with pytest.raises(SlotTaken):
        both.begin(length=10, replaces="0" * 32)
    second = both.begin(length=10, replaces=first)
    with pytest.raises(UploadEnded):
        both.intake.append(visit_id=both.visit_id, upload_id=first, offset=0, body=[b"x"])
    both.intake.append(visit_id=both.visit_id, upload_id=second, offset=0, body=[b"x" * 10])


def test_an_expired_upload_is_gone_and_makes_room(world: World) -> None:
    upload = world.begin(length=10)
    with world.database.transaction() as session:
        session.get_one(Upload, upload).expires_at = world.clock.now
    with pytest.raises(UploadEnded):
        world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[b"x"])
    assert world.begin(length=10)


def test_a_terminated_upload_takes_nothing_more_and_frees_its_slot(world: World) -> None:
    upload = world.begin(length=10)
    world.intake.terminate(visit_id=world.visit_id, upload_id=upload)
    with pytest.raises(UploadEnded):
        world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[b"x"])
    with pytest.raises(UploadEnded):
        world.intake.terminate(visit_id=world.visit_id, upload_id=upload)
    assert world.begin(length=10)
    assert "customer:upload:terminated" in events(world)


def test_nothing_is_received_without_a_certified_key(world: World) -> None:
    upload = world.begin(length=10)
    with world.database.transaction() as session:
        session.scalars(select(QuarantineKey)).one().custodian_signature = None
    with pytest.raises(QuarantineKeyMissing):
        world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[b"x"])
    with pytest.raises(QuarantineKeyMissing):
        world.begin(slot=1, length=1)
    assert world.blob_names() == []


def test_a_swapped_public_key_seals_nothing_to_a_stranger(world: World) -> None:
    with world.database.transaction() as session:
        row = session.scalars(select(QuarantineKey)).one()
        row.public = secrets.token_bytes(32)
    with pytest.raises(QuarantineKeyMissing):
        world.begin(length=1)


def test_a_key_certified_by_somebody_else_is_no_key(sqlite_database: Database, tmp_path: Path) -> None:
    world = a_world(sqlite_database, LocalBlobStore(tmp_path / "blobs"))
    with world.database.transaction() as session:
        row = session.scalars(select(QuarantineKey)).one()
        row.custodian_signature = SigningKey.generate().sign("certified-quarantine-key", row.statement())
    with pytest.raises(QuarantineKeyMissing):
        world.begin(length=1)


def test_yesterdays_key_serves_at_midnight_and_no_longer(world: World) -> None:
    with world.database.transaction() as session:
        session.get_one(Visit, world.visit_id).ends_at = world.clock.now.replace(year=2100)
    for hours, serves in ((24, True), (48, False)):
        start = world.clock.now
        world.clock.advance(hours=hours)
        with world.database.transaction() as session:
            session.get_one(Visit, world.visit_id).last_seen_at = world.clock.now
        if serves:
            assert world.begin(slot=0, length=1)
        else:
            with pytest.raises(QuarantineKeyMissing):
                world.begin(slot=1, length=1)
        world.clock.now = start


def test_a_slice_of_a_key_destroyed_on_the_way_is_not_acknowledged(both: World) -> None:
    upload = both.begin(length=10)

    def destroyed_on_the_way() -> Iterator[bytes]:
        yield b"12345"
        with both.database.transaction() as session:
            session.scalars(select(QuarantineKey)).one().destroyed_at = both.clock.now
        yield b"67890"

    with pytest.raises(QuarantineKeyMissing):
        both.intake.append(visit_id=both.visit_id, upload_id=upload, offset=0, body=destroyed_on_the_way())
    with both.database.reading() as session:
        assert session.get_one(Upload, upload).state == UploadState.RECEIVING
        assert session.get_one(Upload, upload).offset == 0


def test_the_newest_certified_key_is_used(world: World) -> None:
    world.clock.advance(days=1)
    with world.database.transaction() as session:
        visit = session.get_one(Visit, world.visit_id)
        visit.last_seen_at, visit.ends_at = world.clock.now, world.clock.now.replace(year=2100)
        newer = certified_keys(session, now=world.clock.now, custodian=world.keys.custodian)
    world.begin(length=1)
    with world.database.reading() as session:
        assert session.scalars(select(Slice.quarantine_key_id)).one() == newer.quarantine_id


def test_a_second_body_for_a_living_upload_is_told_to_wait(world: World) -> None:
    upload = world.begin(length=10)

    def second_on_the_way() -> Iterator[bytes]:
        yield b"12345"
        with pytest.raises(UploadBusy):
            world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[b"x"])
        yield b"67890"

    assert world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=second_on_the_way()).finished


def test_no_database_session_is_open_while_a_body_streams(world: World) -> None:
    upload = world.begin(length=10)

    def watched() -> Iterator[bytes]:
        yield b"12345"
        assert world.database.engine.pool.checkedout() == 0
        yield b"67890"
        assert world.database.engine.pool.checkedout() == 0

    world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=watched())


def test_a_deferred_length_can_be_fixed_once(world: World) -> None:
    upload = world.begin()
    world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[b"123"])
    with pytest.raises(OffsetConflict):
        world.intake.fix_length(visit_id=world.visit_id, upload_id=upload, length=2)
    world.intake.fix_length(visit_id=world.visit_id, upload_id=upload, length=5)
    with pytest.raises(OffsetConflict):
        world.intake.fix_length(visit_id=world.visit_id, upload_id=upload, length=6)
    assert world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=3, body=[b"45"]).finished


def test_neither_content_nor_name_is_on_disk(world: World, tmp_path: Path) -> None:
    canary = b"CANARY-" + secrets.token_hex(16).encode()
    upload = world.begin(length=len(canary) * 1000, name="CANARY-name.jpg")
    world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=chunks(canary * 1000, 1000))
    world.database.dispose()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert canary not in content
            assert b"CANARY-name" not in content


def test_slices_come_in_their_order(world: World) -> None:
    upload = world.begin(length=3)
    for offset in range(3):
        world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=offset, body=[b"x"])
    with world.database.reading() as session:
        found = [(piece.seq, piece.offset, piece.length) for piece in uploads.slices_of(session, upload)]
    assert found[1:] == [(1, 0, 1), (2, 1, 1), (3, 2, 1)]


def test_an_upload_that_ends_without_a_byte_costs_no_file(both: World) -> None:
    for _ in range(3):
        both.intake.terminate(visit_id=both.visit_id, upload_id=both.begin())
    old = both.begin()
    both.begin(replaces=old)
    assert used_files(both) == 1


def test_an_upload_that_ends_with_bytes_keeps_its_file(world: World) -> None:
    upload = world.begin()
    world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[b"x"])
    world.intake.terminate(visit_id=world.visit_id, upload_id=upload)
    assert used_files(world) == 1


def test_beginning_and_ending_for_ever_uses_the_link_up(world: World) -> None:
    with world.database.transaction() as session:
        session.get_one(UploadLink, world.link_id).max_attempts = 6
    for _ in range(6):
        world.intake.terminate(visit_id=world.visit_id, upload_id=world.begin())
    with pytest.raises(QuotaExceeded):
        world.begin()


def used_files(world: World) -> int:
    with world.database.reading() as session:
        return session.get_one(UploadLink, world.link_id).used_files


def test_bytes_over_the_quota_of_the_link_are_not_stored(world: World) -> None:
    with world.database.transaction() as session:
        session.get_one(UploadLink, world.link_id).max_bytes = MIB
    for announced in (None, 2 * MIB):
        upload = world.begin()
        with pytest.raises(QuotaExceeded):
            world.intake.append(
                visit_id=world.visit_id,
                upload_id=upload,
                offset=0,
                body=chunks(bytes(2 * MIB)),
                announced=Announced(length=announced),
            )
        assert world.blob_names() == []
        with pytest.raises(UploadEnded):
            world.intake.standing(visit_id=world.visit_id, upload_id=upload)


def whole(world: World, body: Iterator[bytes], *, length: int, announced: int | None = None) -> Standing:
    return world.intake.receive(
        visit_id=world.visit_id,
        slot_id=world.slots[0],
        untrusted_name="ine.jpg",
        untrusted_type="image/jpeg",
        length=length,
        body=body,
        announced=Announced(length=length if announced is None else announced),
    )


@pytest.mark.parametrize("size", [1, 3 * MIB, 5 * MIB])
def test_a_file_that_comes_with_its_creation_is_finished_at_once(both: World, size: int) -> None:
    data = secrets.token_bytes(size)
    found = whole(both, chunks(data), length=size)
    assert (found.offset, found.finished) == (size, True)
    assert both.content(found.upload_id) == data
    assert both.declared(found.upload_id) == {"name": "ine.jpg", "type": "image/jpeg"}
    assert count(both, Document) == 1
    assert used_files(both) == 1


def test_what_came_of_a_small_file_before_a_cut_can_be_resumed(world: World) -> None:
    data = secrets.token_bytes(MIB)
    with pytest.raises(BodyCut):
        whole(world, cut_after(data[:300_000]), length=MIB)
    with world.database.reading() as session:
        upload = session.scalars(select(Upload)).one()
    assert (upload.offset, upload.state) == (300_000, UploadState.RECEIVING)
    world.intake.append(visit_id=world.visit_id, upload_id=upload.id, offset=300_000, body=chunks(data[300_000:]))
    assert world.content(upload.id) == data
    assert count(world, Document) == 1


def test_a_slot_that_is_being_filled_refuses_before_a_byte_is_stored(world: World) -> None:
    world.begin()
    with pytest.raises(SlotTaken):
        whole(world, chunks(b"data"), length=4)
    assert world.blob_names() == []


def test_of_parallel_small_files_for_one_slot_one_wins(both: World) -> None:
    def send(_: int) -> str:
        try:
            whole(both, chunks(b"data"), length=4)
        except (SlotTaken, UploadBusy):
            return "refused"
        return "sent"

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(send, range(8))) == ["refused"] * 7 + ["sent"]
    assert (count(both, Document), used_files(both)) == (1, 1)


def test_a_link_revoked_while_a_small_file_comes_stops_it(world: World) -> None:
    def body() -> Iterator[bytes]:
        yield b"da"
        with world.database.transaction() as session:
            links.revoke(session, session.get_one(UploadLink, world.link_id), now=world.clock.now)
        yield b"ta"

    with pytest.raises(LinkClosed):
        whole(world, body(), length=4)
    assert count(world, Upload) == count(world, Slice) == 0


def test_a_body_with_a_checksum_that_is_cut_is_not_kept(world: World) -> None:
    data = secrets.token_bytes(400_000)
    upload = world.begin(length=len(data))
    demanded = Checksum(algorithm="sha1", digest=hashlib.sha1(data).digest())
    with pytest.raises(BodyCut):
        world.intake.append(
            visit_id=world.visit_id,
            upload_id=upload,
            offset=0,
            body=cut_after(data[:-1]),
            announced=Announced(checksum=demanded),
        )
    assert world.intake.standing(visit_id=world.visit_id, upload_id=upload).offset == 0
    assert world.blob_names() == []
