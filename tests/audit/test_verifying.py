"""Verification: what somebody with the database password does is found, and named."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from audit.checkpoints import CheckpointSigner
from audit.merkle import CompactRange, leaf_hash
from audit.trail import AuditEvent, leaf_bytes
from audit.tree import AuditCheckpoint, AuditLeaf
from audit.verifying import Finding, verify


def report_on(trail, org_id="acme", wait=timedelta(), **more):
    with trail.database.reading() as session:
        return verify(session, org_id, trail.signer.public, trail.now + wait, **more)


def named(report):
    return [(problem.finding, problem.index, problem.event_id) for problem in report.problems]


def notes(trail):
    with trail.database.reading() as session:
        return session.scalars(select(AuditCheckpoint.note).order_by(AuditCheckpoint.size)).all()


def reseal(trail, index, event_id):
    """Make the leaf agree with the altered event, as a careful forger would."""
    with trail.database.transaction() as session:
        event = session.get_one(AuditEvent, event_id)
        session.get_one(AuditLeaf, ("acme", index)).leaf_hash = leaf_hash(leaf_bytes(event))


def test_an_untouched_trail_is_valid(trail):
    trail.grow(3, 1, 5)
    kept = notes(trail)
    trail.grow(2, org_id="beta")
    report = report_on(trail)
    assert (report.valid, report.size, report.checkpoints, report.first) == (True, 9, 3, None)
    assert report_on(trail, kept=kept).valid


def test_a_trail_without_events_is_valid(trail):
    assert report_on(trail).valid


def test_a_long_trail_is_read_in_pages(quick_trail):
    ids = quick_trail.grow(900, 700, 600)
    assert report_on(quick_trail).size == 2200
    quick_trail.sql("UPDATE audit_events SET actor_id = 'omar' WHERE id = :id", id=ids[1999])
    assert named(report_on(quick_trail)) == [(Finding.EVENT_ALTERED, 1999, ids[1999])]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor_id", "omar"),
        ("subject_id", "other"),
        ("case_id", "case2"),
        ("event", "staff:case:viewed"),
        ("details", '{"page": 7}'),
        ("details", '{"page": 2, "more": 1}'),
        ("details", "[]"),
        ("at", "2026-03-04 05:06:09.000001"),
    ],
)
def test_an_altered_field_is_named(trail, column, value):
    ids = trail.grow(2, 3)
    kind = {"details": "::jsonb", "at": "::timestamptz"}.get(column, "") if not trail.database.is_sqlite else ""
    zone = "+00" if kind == "::timestamptz" else ""
    trail.sql(f"UPDATE audit_events SET {column} = '{value}{zone}'{kind} WHERE id = :id", id=ids[2])
    assert named(report_on(trail)) == [(Finding.EVENT_ALTERED, 2, ids[2])]


@pytest.mark.parametrize("nonsense", ["details = 'no json'", "at = 'yesterday'"])
def test_an_event_that_can_no_longer_be_read_is_named(quick_trail, nonsense):
    ids = quick_trail.grow(4, 30)
    quick_trail.sql(f"UPDATE audit_events SET {nonsense} WHERE id = :id", id=ids[9])
    assert named(report_on(quick_trail)) == [(Finding.EVENT_ALTERED, 9, ids[9])]


def test_an_event_altered_together_with_its_leaf_is_named(trail):
    ids = trail.grow(2, 3, 2)
    trail.sql("UPDATE audit_events SET actor_id = 'omar' WHERE id = :id", id=ids[3])
    reseal(trail, 3, ids[3])
    assert named(report_on(trail)) == [(Finding.EVENT_ALTERED, 3, ids[3])]


def test_an_event_altered_with_its_leaf_and_its_checkpoint_shows_in_the_root(trail):
    ids = trail.grow(2, 3, 2)
    trail.sql("UPDATE audit_events SET actor_id = 'omar' WHERE id = :id", id=ids[3])
    reseal(trail, 3, ids[3])
    with trail.database.transaction() as session:
        leaves = session.scalars(select(AuditLeaf.leaf_hash).order_by(AuditLeaf.index)).all()
        session.scalars(select(AuditCheckpoint).where(AuditCheckpoint.size == 5)).one().leaves = b"".join(leaves[2:5])
    report = report_on(trail)
    assert report.first.finding is Finding.ROOT_DIFFERS
    assert (report.first.index, report.first.note) == (2, "2..4 do not give the signed root")


def test_a_deleted_event_is_named(trail):
    ids = trail.grow(2, 3)
    trail.sql("DELETE FROM audit_events WHERE id = :id", id=ids[1])
    assert named(report_on(trail)) == [(Finding.EVENT_MISSING, 1, ids[1])]


def test_a_deleted_leaf_is_named_with_its_event(trail):
    ids = trail.grow(2, 3)
    trail.sql("DELETE FROM audit_leaves WHERE leaf_index = 4")
    assert named(report_on(trail)) == [(Finding.LEAF_MISSING, 4, ids[4])]
    assert named(report_on(trail, wait=timedelta(minutes=2)))[0] == (Finding.EVENT_UNSEALED, None, ids[4])


def test_an_event_deleted_with_its_leaf_is_named_by_index(trail):
    ids = trail.grow(2, 3)
    trail.sql("DELETE FROM audit_leaves WHERE leaf_index = 3")
    trail.sql("DELETE FROM audit_events WHERE id = :id", id=ids[3])
    assert named(report_on(trail)) == [(Finding.LEAF_MISSING, 3, None)]


def test_a_removed_event_is_named_though_the_later_leaves_moved_up(trail):
    ids = trail.grow(2, 3, 2)
    trail.sql("DELETE FROM audit_leaves WHERE leaf_index = 3")
    trail.sql("DELETE FROM audit_events WHERE id = :id", id=ids[3])
    for index in (4, 5, 6):
        trail.sql("UPDATE audit_leaves SET leaf_index = :to WHERE leaf_index = :index", to=index - 1, index=index)
    first = report_on(trail).first
    assert (first.finding, first.index, first.event_id) == (Finding.EVENT_REORDERED, 3, ids[4])


@pytest.mark.parametrize(("one", "other"), [(2, 4), (1, 5)])
def test_reordered_leaves_are_named(trail, one, other):
    ids = trail.grow(2, 3, 2)
    for index, to in ((one, 99), (other, one), (99, other)):
        trail.sql("UPDATE audit_leaves SET leaf_index = :to WHERE leaf_index = :index", to=to, index=index)
    report = report_on(trail)
    assert {(problem.index, problem.event_id) for problem in report.problems} == {(one, ids[other]), (other, ids[one])}
    if (one, other) == (2, 4):
        assert {problem.finding for problem in report.problems} == {Finding.EVENT_REORDERED}


def test_swapped_details_are_named_at_both_places(trail):
    ids = trail.grow(5)
    trail.sql(
        "UPDATE audit_events SET details = (SELECT details FROM audit_events WHERE id = :b) WHERE id = :a",
        a=ids[1],
        b=ids[3],
    )
    with trail.database.transaction() as session:
        session.get_one(AuditEvent, ids[3]).details = {"page": 1}
    assert named(report_on(trail)) == [(Finding.EVENT_ALTERED, 1, ids[1]), (Finding.EVENT_ALTERED, 3, ids[3])]


def test_an_altered_leaf_is_named(trail):
    ids = trail.grow(2, 3)
    trail.sql("UPDATE audit_leaves SET leaf_hash = :hash WHERE leaf_index = 3", hash=bytes(32))
    assert named(report_on(trail)) == [(Finding.LEAF_ALTERED, 3, ids[3])]


def test_an_event_that_nobody_sealed_is_lag_after_a_minute(trail):
    trail.grow(2)
    (waiting,) = trail.add(1)
    assert report_on(trail, wait=timedelta(seconds=60)).valid
    trail.sql("DELETE FROM audit_pending")
    assert named(report_on(trail, wait=timedelta(seconds=61))) == [(Finding.EVENT_UNSEALED, None, waiting)]


def test_an_event_deleted_before_it_was_sealed_is_named(trail):
    (lost,) = trail.add(1)
    trail.sql("DELETE FROM audit_events")
    assert trail.seal() == []
    assert named(report_on(trail)) == [(Finding.EVENT_MISSING, None, lost)]


def test_a_forged_checkpoint_is_named(trail):
    trail.grow(2, 3)
    stranger = CheckpointSigner("resguardo", bytes(32))
    trail.sql("UPDATE audit_checkpoints SET note = :note WHERE size = 5", note=stranger.sign("acme", 5, bytes(32)))
    report = report_on(trail)
    assert report.first.finding is Finding.LEAF_UNSIGNED
    assert Finding.CHECKPOINT_FORGED in {problem.finding for problem in report.problems}


def test_a_forged_checkpoint_in_the_middle_does_not_hide_what_follows(trail):
    ids = trail.grow(2, 3, 2)
    trail.sql("UPDATE audit_checkpoints SET note = 'forged' WHERE size = 5")
    trail.sql("UPDATE audit_events SET actor_id = 'omar' WHERE id = :id", id=ids[6])
    assert named(report_on(trail)) == [(Finding.CHECKPOINT_FORGED, 4, None), (Finding.EVENT_ALTERED, 6, ids[6])]


def test_a_checkpoint_row_that_says_otherwise_than_its_note_is_named(trail):
    trail.grow(2, 3)
    trail.sql("UPDATE audit_checkpoints SET root = :root WHERE size = 2", root=bytes(32))
    assert named(report_on(trail)) == [(Finding.CHECKPOINT_ALTERED, 1, None)]
    trail.sql("UPDATE audit_checkpoints SET leaves = :leaves WHERE size = 5", leaves=bytes(96))
    assert named(report_on(trail)) == [(Finding.CHECKPOINT_ALTERED, 1, None), (Finding.CHECKPOINT_ALTERED, 2, None)]


def test_a_removed_checkpoint_is_named(trail):
    trail.grow(2, 3, 2)
    trail.sql("DELETE FROM audit_checkpoints WHERE size = 5")
    assert named(report_on(trail)) == [(Finding.CHECKPOINT_MISSING, 2, None)]


def test_a_removed_last_checkpoint_leaves_unsigned_leaves(trail):
    ids = trail.grow(2, 1)
    trail.sql("DELETE FROM audit_checkpoints WHERE size = 3")
    assert (Finding.LEAF_UNSIGNED, 2, ids[2]) in named(report_on(trail))


def test_an_altered_head_is_named(trail):
    trail.grow(3)
    trail.sql("UPDATE audit_heads SET frontier = :edge", edge=bytes(64))
    assert named(report_on(trail)) == [(Finding.HEAD_ALTERED, 3, None)]
    trail.sql("UPDATE audit_heads SET frontier = :edge", edge=bytes(5))
    assert named(report_on(trail)) == [(Finding.HEAD_ALTERED, 3, None)]


def truncated(trail, ids, size):
    """Cut the trail back to `size`, leaving nothing behind that contradicts itself."""
    with trail.database.reading() as session:
        leaves = session.scalars(select(AuditLeaf.leaf_hash).order_by(AuditLeaf.index).limit(size)).all()
    edge = CompactRange()
    for leaf in leaves:
        edge.append(leaf)
    trail.sql("DELETE FROM audit_leaves WHERE leaf_index >= :size", size=size)
    trail.sql("DELETE FROM audit_checkpoints WHERE size > :size", size=size)
    trail.sql("UPDATE audit_heads SET size = :size, frontier = :edge", size=size, edge=edge.frontier())
    for event_id in ids[size:]:
        trail.sql("DELETE FROM audit_events WHERE id = :id", id=event_id)


def test_a_truncated_trail_is_found_against_a_checkpoint_kept_outside(trail):
    ids = trail.grow(2, 3)
    kept = notes(trail)
    truncated(trail, ids, 2)
    assert report_on(trail).valid  # nothing inside contradicts it: this is why checkpoints are kept outside
    assert named(report_on(trail, kept=kept)) == [(Finding.TRUNCATED, 2, None)]


def test_a_rewritten_end_is_found_against_a_checkpoint_kept_outside(trail):
    ids = trail.grow(2, 3)
    kept = notes(trail)
    truncated(trail, ids, 2)
    trail.grow(3, 1)
    assert report_on(trail).valid
    assert named(report_on(trail, kept=kept)) == [(Finding.FORKED, 4, None)]


def test_a_kept_checkpoint_is_held_against_a_size_that_has_no_checkpoint_any_more(trail):
    trail.grow(2, 3, 2)
    kept = notes(trail)
    trail.sql("DELETE FROM audit_checkpoints WHERE size = 5")
    assert {problem.finding for problem in report_on(trail, kept=kept).problems} == {Finding.CHECKPOINT_MISSING}


def test_a_forged_kept_checkpoint_is_named(trail):
    trail.grow(2)
    assert named(report_on(trail, kept=["forged"])) == [(Finding.CHECKPOINT_FORGED, None, None)]


def test_the_checkpoints_of_a_former_key_are_believed_when_told(trail):
    trail.grow(2)
    old = trail.signer.public
    trail.signer = CheckpointSigner("resguardo", bytes(32), former=[old])
    trail.grow(1)
    assert report_on(trail, former=[old]).valid
    assert not report_on(trail).valid


def test_the_trail_of_another_organization_does_not_pass(trail):
    trail.grow(2, org_id="beta")
    trail.sql("UPDATE audit_leaves SET org_id = 'acme'")
    trail.sql("UPDATE audit_events SET org_id = 'acme'")
    trail.sql("UPDATE audit_checkpoints SET org_id = 'acme'")
    assert Finding.CHECKPOINT_FORGED in {problem.finding for problem in report_on(trail).problems}


def test_a_problem_reads_in_one_line(trail):
    ids = trail.grow(2)
    trail.sql("DELETE FROM audit_events WHERE id = :id", id=ids[1])
    assert str(report_on(trail).first) == f"event_missing at index 1, event {ids[1]}"
