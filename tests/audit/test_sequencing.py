"""Sealing: every event gets one leaf, in a fixed order, and the checkpoint tells the root over them."""

import hashlib
import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from audit import AuditEvent, Event, record
from audit.checkpoints import CheckpointSigner, verify_checkpoint
from audit.errors import NotSealed, TrailDamaged
from audit.merkle import CompactRange, leaf_hash, verify_consistency, verify_inclusion
from audit.proving import consistency_for, extract_of, proof_for, proofs_for, sealed_events
from audit.sequencing import lag, seal_pending
from audit.trail import AuditPending, leaf_bytes
from audit.tree import AuditCheckpoint, AuditLeaf, AuditNode, StoredTree, latest_checkpoint
from audit.verifying import Finding, verify


def root_over(session, ids):
    tree = CompactRange()
    for event_id in ids:
        tree.append(leaf_hash(leaf_bytes(session.get_one(AuditEvent, event_id))))
    return tree.root()


def test_a_checkpoint_covers_the_events_in_the_order_of_their_time(trail):
    ids = trail.add(5)
    (checkpoint,) = trail.seal()
    with trail.database.reading() as session:
        assert session.scalars(select(AuditLeaf.event_id).order_by(AuditLeaf.index)).all() == ids
        signed = verify_checkpoint(checkpoint.note, "resguardo/acme", trail.signer.public)
        assert (signed.size, signed.root) == (5, root_over(session, ids)) == (checkpoint.size, checkpoint.root)
        assert session.scalars(select(AuditPending.event_id)).all() == []


def test_organizations_have_trees_of_their_own(trail):
    trail.add(3, "acme")
    trail.add(2, "beta")
    assert [(one.org_id, one.size) for one in trail.seal()] == [("acme", 3), ("beta", 2)]


def test_nothing_new_signs_nothing(trail):
    trail.grow(2)
    assert trail.seal() == []


def test_a_long_queue_is_sealed_in_batches(trail):
    ids = trail.add(7)
    assert [trail.seal(limit=3)[0].size for _ in range(3)] == [3, 6, 7]
    with trail.database.reading() as session:
        assert session.scalars(select(AuditLeaf.event_id).order_by(AuditLeaf.index)).all() == ids


def test_an_event_that_commits_late_comes_after_the_sealed_ones(trail):
    with trail.database.transaction() as session:
        early = trail.now
        trail.now += timedelta(seconds=5)
        sealed = record(session, Event.STAFF_CASE_VIEWED, org_id="acme", actor_id="e", subject_id="c", now=trail.now).id
    trail.seal()
    with trail.database.transaction() as session:
        late = record(session, Event.STAFF_CASE_VIEWED, org_id="acme", actor_id="e", subject_id="c", now=early).id
    trail.seal()
    with trail.database.reading() as session:
        assert session.scalars(select(AuditLeaf.event_id).order_by(AuditLeaf.index)).all() == [sealed, late]


def test_the_lag_is_the_age_of_the_oldest_event_without_a_leaf(trail):
    with trail.database.reading() as session:
        assert lag(session, trail.now) == 0.0
    trail.add(2)
    with trail.database.reading() as session:
        assert lag(session, trail.now + timedelta(seconds=60)) == 61.0
    trail.seal()
    with trail.database.reading() as session:
        assert lag(session, trail.now + timedelta(seconds=60)) == 0.0


def test_proofs_hold_in_a_tree_of_several_tiles(quick_trail):
    ids = quick_trail.grow(300, 1, 299, 77)
    sizes = [300, 301, 600, 677]
    with quick_trail.database.reading() as session:
        roots = dict(session.execute(select(AuditCheckpoint.size, AuditCheckpoint.root)).all())
        assert session.scalar(select(func.count()).select_from(AuditNode)) == 2
        for size in sizes:
            asked = [0, 1, 255, 256, 299, *([size - 1, size // 2] if size > 300 else [])]
            for index, proof in zip(asked, proofs_for(session, "acme", [ids[at] for at in asked], size), strict=True):
                assert (proof.index, proof.size) == (index, size)
                leaf = leaf_hash(leaf_bytes(session.get_one(AuditEvent, ids[index])))
                verify_inclusion(leaf, index, size, proof.path, roots[size])
        for first in sizes:
            for second in sizes[sizes.index(first) :]:
                verify_consistency(
                    first, second, roots[first], roots[second], consistency_for(session, "acme", first, second)
                )


def test_a_proof_reads_a_few_tiles_only(quick_trail, monkeypatch):
    ids = quick_trail.grow(2000)
    reads = []
    read = StoredTree._read
    monkeypatch.setattr(StoredTree, "_read", lambda self, *place: reads.append(place) or read(self, *place))
    with quick_trail.database.reading() as session:
        proof_for(session, ids[700], 2000)
    assert len(reads) <= 3


def test_there_is_no_proof_before_the_leaf_or_for_another_organization(trail):
    (event_id,) = trail.add(1)
    with trail.database.reading() as session, pytest.raises(NotSealed):
        proof_for(session, event_id, 1)
    trail.seal()
    (later,) = trail.grow(1)
    with trail.database.reading() as session:
        assert proof_for(session, event_id, 1).path == ()
        for org_id, one, size in (("acme", later, 1), ("beta", event_id, 1), ("acme", event_id, 3)):
            with pytest.raises(NotSealed):
                proofs_for(session, org_id, [one], size)


def test_a_proof_out_of_a_damaged_tree_is_refused(trail):
    ids = trail.grow(4)
    trail.sql("UPDATE audit_leaves SET leaf_hash = :hash WHERE leaf_index = 2", hash=bytes(32))
    with trail.database.reading() as session, pytest.raises(TrailDamaged):
        proof_for(session, ids[3], 4)
    trail.sql("DELETE FROM audit_leaves WHERE leaf_index = 2")
    with trail.database.reading() as session, pytest.raises(TrailDamaged):
        proof_for(session, ids[3], 4)


def test_the_sealed_events_of_a_case_come_in_the_order_of_the_tree(trail):
    ids = trail.grow(3)
    trail.add(1, case_id="case2")
    trail.seal()
    with trail.database.reading() as session:
        assert [(index, event.id) for index, event in sealed_events(session, "acme", "case1", 4)] == list(
            enumerate(ids)
        )
        assert len(sealed_events(session, "acme", "case1", 2)) == 2
        assert sealed_events(session, "beta", "case1", 4) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_heads SET size = 2",
        "UPDATE audit_heads SET frontier = :hash",
        "DELETE FROM audit_heads",
        "DELETE FROM audit_checkpoints",
        "UPDATE audit_checkpoints SET note = 'forged'",
    ],
)
def test_a_tree_that_is_not_the_one_last_signed_is_never_extended(trail, caplog, statement):
    trail.grow(3)
    trail.sql(statement, **({"hash": bytes(64)} if ":hash" in statement else {}))
    trail.add(1)
    trail.add(1, "beta")
    assert [one.org_id for one in trail.seal()] == ["beta"]
    assert [entry.org_id for entry in caplog.records] == ["acme"]
    with trail.database.reading() as session:
        assert lag(session, trail.now) > 0


def test_a_tree_cut_back_to_an_older_checkpoint_is_not_extended_over_its_leaves(trail):
    trail.grow(3)
    with trail.database.reading() as session:
        checkpoint = latest_checkpoint(session, "acme")
        frontier = CompactRange()
        for at in range(0, len(checkpoint.leaves), 32):
            frontier.append(checkpoint.leaves[at : at + 32])
    trail.grow(2)
    trail.sql("DELETE FROM audit_checkpoints WHERE size = 5")
    trail.sql("UPDATE audit_heads SET size = 3, frontier = :edge", edge=frontier.frontier())
    trail.add(1)
    assert trail.seal() == []


def test_another_key_does_not_extend_a_tree_that_it_did_not_sign(trail):
    trail.grow(2)
    trail.add(1)
    public = trail.signer.public
    trail.signer = CheckpointSigner("resguardo", bytes(32))
    assert trail.seal() == []
    trail.signer = CheckpointSigner("resguardo", bytes(32), former=[public])
    assert trail.seal()[0].size == 3


def test_two_custodians_at_once_number_every_event_once(trail):
    ids = set(trail.add(60))
    failures = []

    def custodian():
        try:
            for _ in range(12):
                with trail.database.transaction() as session:
                    seal_pending(session, trail.signer, trail.now, 5)
        except Exception as failure:  # noqa: BLE001 (the thread hands it to the test)
            failures.append(failure)

    custodians = [threading.Thread(target=custodian) for _ in range(2)]
    for one in custodians:
        one.start()
    for one in custodians:
        one.join()
    assert failures == []
    while trail.seal():
        pass
    with trail.database.reading() as session:
        leaves = session.execute(select(AuditLeaf.index, AuditLeaf.event_id).order_by(AuditLeaf.index)).all()
    assert [leaf.index for leaf in leaves] == list(range(60))
    assert {leaf.event_id for leaf in leaves} == ids


def test_an_event_that_cannot_be_read_stops_its_own_organization_only(quick_trail):
    (broken,) = quick_trail.add(1)
    quick_trail.add(1, "beta")
    quick_trail.sql("UPDATE audit_events SET details = 'no json' WHERE id = :id", id=broken)
    assert [one.org_id for one in quick_trail.seal()] == ["beta"]
    with quick_trail.database.reading() as session:
        report = verify(session, "acme", quick_trail.signer.public, quick_trail.now)
    assert (report.first.finding, report.first.event_id) == (Finding.EVENT_UNSEALED, broken)


def test_a_sealed_event_is_not_sealed_again(trail):
    ids = trail.grow(2)
    trail.sql("INSERT INTO audit_pending SELECT id, org_id, at FROM audit_events WHERE id = :id", id=ids[0])
    trail.add(1, "beta")
    assert [one.org_id for one in trail.seal()] == ["beta"]
    trail.sql("DELETE FROM audit_pending")
    trail.add(1)
    assert trail.seal()[0].size == 3


def test_an_event_moved_to_another_organization_is_not_sealed_there(trail):
    (moved,) = trail.add(1)
    trail.sql("UPDATE audit_events SET org_id = 'beta' WHERE id = :id", id=moved)
    assert trail.seal() == []
    with trail.database.reading() as session:
        assert lag(session, trail.now + timedelta(seconds=61)) == 61.0


def test_what_an_export_says_of_its_case_holds_for_ever(trail):
    trail.grow(3)
    with trail.database.reading() as session:
        before = extract_of(session, "acme", "case1")
        lines = b"".join(leaf_bytes(event) + b"\n" for _, event in sealed_events(session, "acme", "case1", 3))
        assert before == {"through": 3, "extract": hashlib.sha256(lines).hexdigest()}
        assert extract_of(session, "beta", "case1") == {"through": 0, "extract": hashlib.sha256().hexdigest()}
    trail.grow(2)
    with trail.database.reading() as session:
        assert extract_of(session, "acme", "case1")["through"] == 5
        again = b"".join(leaf_bytes(event) + b"\n" for _, event in sealed_events(session, "acme", "case1", 3))
        assert again == lines
