"""Verification of the whole trail of one organization, from its rows and the public key alone.

Rules: only the signed roots are believed. Each checkpoint's leaf hashes are taken from wherever they reproduce its
root (the copy in the checkpoint, the leaves, the events themselves); then every leaf and every event is held against
them, so the first altered, missing or reordered event is named even when its leaf was changed with it. What was cut
off the end together with its checkpoints can only be seen against a checkpoint kept outside: pass those as `kept`.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.checkpoints import LOG_NAME, Checkpoint, origin_of, verify_checkpoint
from audit.errors import CheckpointRefused, TrailDamaged
from audit.merkle import EMPTY_ROOT, HASH_LENGTH, CompactRange
from audit.reading import READ_AT_ONCE, LeafReader, LeafRow, lost_events, unsealed_events
from audit.reporting import Finding, Problem, Report
from audit.sequencing import MAX_LAG_S
from audit.tree import AuditCheckpoint, AuditHead

__all__ = ["Finding", "Problem", "Report", "verify"]


def verify(
    session: Session,
    org_id: str,
    public: bytes,
    now: datetime,
    *,
    former: Sequence[bytes] = (),
    kept: Sequence[str] = (),
    name: str = LOG_NAME,
) -> Report:
    """Check the organization's trail against the Ed25519 key `public` (32 bytes) and report every problem.

    `former` are keys that signed before the present one; `kept` are notes of checkpoints that were kept outside of
    this database. Reads every event, leaf and checkpoint once, in the order of the tree, in constant memory.
    """
    report = Report(org_id=org_id)
    _Verification(session, report, (public, *former), origin_of(org_id, name)).run(now, kept)
    return report


class _Verification:
    """One pass over one trail."""

    def __init__(self, session: Session, report: Report, publics: tuple[bytes, ...], origin: str) -> None:
        self._session = session
        self._report = report
        self._publics = publics
        self._origin = origin
        self._org_id = report.org_id
        self._tree = CompactRange()
        self._claimed: dict[int, bytes] = {}  # leaf hashes as the checkpoints repeat them
        self._unsealed: dict[bytes, str] = {}  # leaf hash -> id of events without a leaf
        self._roots: dict[int, bytes] = {}  # signed roots kept outside

    def run(self, now: datetime, kept: Sequence[str]) -> None:
        self._find_unsealed(now)
        self._open_kept(kept)
        rows = LeafReader(self._session, self._org_id)
        for stored in self._checkpoints():
            checkpoint = self._opened(stored)
            if checkpoint is not None and not self._advance(checkpoint, rows):
                return
        self._report.size = self._tree.size
        self._finish(rows)

    def _find_unsealed(self, now: datetime) -> None:
        for event_id, at, value in unsealed_events(self._session, self._org_id):
            if value is not None:
                self._unsealed[value] = event_id
            if at is None or now - at > timedelta(seconds=MAX_LAG_S):
                self._report.add(Finding.EVENT_UNSEALED, event_id=event_id, note="waits for its leaf for too long")
        for event_id in lost_events(self._session, self._org_id):
            self._report.add(Finding.EVENT_MISSING, event_id=event_id, note="gone before it was sealed")

    def _open_kept(self, kept: Sequence[str]) -> None:
        for note in kept:
            try:
                checkpoint = verify_checkpoint(note, self._origin, *self._publics)
            except CheckpointRefused as error:
                self._report.add(Finding.CHECKPOINT_FORGED, note=f"the checkpoint kept outside: {error}")
                continue
            if self._roots.setdefault(checkpoint.size, checkpoint.root) != checkpoint.root:
                self._report.add(Finding.FORKED, note=f"two signed roots for size {checkpoint.size}")

    def _checkpoints(self) -> Iterator[AuditCheckpoint]:
        after = -1
        while True:
            query = (
                select(AuditCheckpoint)
                .where(AuditCheckpoint.org_id == self._org_id, AuditCheckpoint.size > after)
                .order_by(AuditCheckpoint.size)
                .limit(READ_AT_ONCE)
            )
            page = self._session.scalars(query.execution_options(populate_existing=True)).all()
            yield from page
            if not page:
                return
            after = page[-1].size

    def _opened(self, stored: AuditCheckpoint) -> Checkpoint | None:
        """Return what the checkpoint signed, None (and a problem) when nobody we know signed it."""
        self._report.checkpoints += 1
        hashes = _hashes(stored.leaves)
        self._claimed.update(enumerate(hashes, stored.size - len(hashes)))
        try:
            signed = verify_checkpoint(stored.note, self._origin, *self._publics)
        except CheckpointRefused as error:
            self._report.add(Finding.CHECKPOINT_FORGED, stored.size - 1, note=f"{stored.id}: {error}")
            return None
        if (signed.size, signed.root) != (stored.size, stored.root):
            self._report.add(
                Finding.CHECKPOINT_ALTERED,
                stored.size - 1,
                note=f"{stored.id} tells another size or root than signed",
            )
        if signed.size <= self._tree.size:
            self._report.add(Finding.CHECKPOINT_FORGED, stored.size - 1, note=f"{stored.id} does not grow the tree")
            return None
        return signed

    def _advance(self, checkpoint: Checkpoint, rows: LeafReader) -> bool:
        """Hold everything up to `checkpoint` against its root; False when its root cannot be reproduced and nothing
        after it can.
        """
        start, stop = self._tree.size, checkpoint.size
        found = rows.below(stop)
        hashes = self._authentic(start, checkpoint, found)
        if hashes is None:
            self._compare(start, stop, self._best(start, stop, found), found)
            self._report.add(
                Finding.ROOT_DIFFERS,
                start,
                note=f"{start}..{stop - 1} do not give the signed root",
            )
            return False
        if any(index not in self._claimed for index in range(start, stop)):
            self._report.add(Finding.CHECKPOINT_MISSING, start, note=f"of the leaves {start}..{stop - 1}")
        elif [self._claimed[index] for index in range(start, stop)] != hashes:
            self._report.add(
                Finding.CHECKPOINT_ALTERED,
                start,
                note=f"its copy of {start}..{stop - 1} is not the signed one",
            )
        self._claimed = {index: value for index, value in self._claimed.items() if index >= stop}
        self._compare(start, stop, dict(enumerate(hashes, start)), found)
        return True

    def _authentic(self, start: int, checkpoint: Checkpoint, found: dict[int, LeafRow]) -> list[bytes] | None:
        """Return the leaf hashes from `start` that lead to the signed root, from whichever copy still does."""
        span = range(start, checkpoint.size)
        by_leaf = {index: row.leaf_hash for index, row in found.items()}
        by_event = {index: row.event_hash for index, row in found.items() if row.event_hash is not None}
        for source in (by_leaf | self._claimed, by_leaf, self._claimed | by_leaf, by_event):
            hashes = [source[index] for index in span if index in source]
            if len(hashes) != len(span) or any(len(value) != HASH_LENGTH for value in hashes):
                continue
            tree = self._tree.copy()
            roots: dict[int, bytes] = {}
            for value in hashes:
                tree.append(value)
                if tree.size in self._roots:
                    roots[tree.size] = tree.root()
            if tree.root() == checkpoint.root:
                self._tree = tree
                self._hold_against_kept(roots)
                return hashes
        return None

    def _best(self, start: int, stop: int, found: dict[int, LeafRow]) -> dict[int, bytes]:
        """Return the likeliest hashes where none reproduce the root: what the checkpoints repeat, else the leaves."""
        by_leaf = {index: row.leaf_hash for index, row in found.items()}
        return {index: value for index, value in (by_leaf | self._claimed).items() if start <= index < stop}

    def _compare(self, start: int, stop: int, hashes: dict[int, bytes], found: dict[int, LeafRow]) -> None:
        """Hold the leaves and events of start..stop against the leaf `hashes`."""
        places = {value: index for index, value in hashes.items()}
        for index in range(start, stop):
            expected, row = hashes.get(index), found.get(index)
            if row is None:
                event_id = self._unsealed.get(expected) if expected is not None else None
                self._report.add(Finding.LEAF_MISSING, index, event_id, "" if event_id else "its event is gone too")
            elif row.event_hash is None:
                self._report.add(Finding.EVENT_MISSING, index, row.event_id)
            elif row.event_hash != expected:
                moved = places.get(row.event_hash)
                finding = Finding.EVENT_ALTERED if moved is None else Finding.EVENT_REORDERED
                self._report.add(finding, index, row.event_id, "" if moved is None else f"belongs to index {moved}")
            elif row.leaf_hash != expected:
                self._report.add(Finding.LEAF_ALTERED, index, row.event_id)

    def _hold_against_kept(self, roots: dict[int, bytes]) -> None:
        for size, root in roots.items():
            if self._roots.pop(size) != root:
                self._report.add(Finding.FORKED, size - 1, note=f"the kept checkpoint of size {size} has another root")

    def _finish(self, rows: LeafReader) -> None:
        """Look at what stands behind the last checkpoint."""
        for index, row in rows.rest():
            self._report.add(Finding.LEAF_UNSIGNED, index, row.event_id, "behind the last checkpoint")
        for size in sorted(self._roots):
            if size or self._roots[size] != EMPTY_ROOT:
                self._report.add(Finding.TRUNCATED, self._tree.size, note=f"a kept checkpoint tells of {size} leaves")
        head = self._session.get(AuditHead, self._org_id, populate_existing=True)
        try:
            edge = CompactRange() if head is None else CompactRange(head.size, head.frontier)
        except TrailDamaged:
            edge = None
        if edge is None or (edge.size, edge.frontier()) != (self._tree.size, self._tree.frontier()):
            self._report.add(Finding.HEAD_ALTERED, self._tree.size, note="not where the last checkpoint ends")


def _hashes(joined: bytes) -> list[bytes]:
    return [joined[at : at + HASH_LENGTH] for at in range(0, len(joined), HASH_LENGTH)]
