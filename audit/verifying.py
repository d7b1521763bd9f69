"""Verification of the whole trail of one organization, from its rows and the public key alone.

Rules: only the signed roots are believed. Each checkpoint's leaf hashes are taken from wherever they reproduce its
root (the copy in the checkpoint, the leaves, the events themselves); then every leaf and every event is held against
them, so the first altered, missing or reordered event is named even when its leaf was changed with it. What was cut
off the end together with its checkpoints can only be seen against a checkpoint kept outside: pass those as `kept`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.checkpoints import LOG_NAME, Checkpoint, origin_of, verify_checkpoint
from audit.errors import CheckpointRefused, TrailDamaged
from audit.merkle import EMPTY_ROOT, HASH_LENGTH, CompactRange, leaf_hash
from audit.sequencing import MAX_LAG_S
from audit.trail import AuditEvent, AuditPending, leaf_bytes
from audit.tree import AuditCheckpoint, AuditHead, AuditLeaf

READ_AT_ONCE = 1000
MAX_PROBLEMS = 1000
"""A report names this many problems; more of them only count."""


class Finding(StrEnum):
    """What can be wrong."""

    EVENT_ALTERED = "event_altered"
    EVENT_MISSING = "event_missing"
    EVENT_REORDERED = "event_reordered"
    EVENT_UNSEALED = "event_unsealed"
    LEAF_ALTERED = "leaf_altered"
    LEAF_MISSING = "leaf_missing"
    LEAF_UNSIGNED = "leaf_unsigned"
    CHECKPOINT_ALTERED = "checkpoint_altered"
    CHECKPOINT_FORGED = "checkpoint_forged"
    CHECKPOINT_MISSING = "checkpoint_missing"
    ROOT_DIFFERS = "root_differs"
    HEAD_ALTERED = "head_altered"
    TRUNCATED = "truncated"
    FORKED = "forked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One finding: at which leaf index and event (or checkpoint) where these are known."""

    finding: Finding
    index: int | None = None
    event_id: str | None = None
    note: str = ""

    def __str__(self) -> str:
        """Say it in one line."""
        place = "" if self.index is None else f" at index {self.index}"
        event = "" if self.event_id is None else f", event {self.event_id}"
        return f"{self.finding.value}{place}{event}" + (f": {self.note}" if self.note else "")


@dataclass(slots=True, kw_only=True)
class Report:
    """What verification found out about one organization's trail."""

    org_id: str
    size: int = 0
    checkpoints: int = 0
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0

    @property
    def valid(self) -> bool:
        """Nothing is wrong and nothing lags."""
        return self.problem_count == 0

    @property
    def first(self) -> Problem | None:
        """The first problem in the order of the tree; those without an index come last."""
        return min(self.problems, key=lambda one: (one.index is None, one.index or 0), default=None)

    def add(self, finding: Finding, index: int | None = None, event_id: str | None = None, note: str = "") -> None:
        """Note a problem."""
        self.problem_count += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(finding=finding, index=index, event_id=event_id, note=note))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A leaf with the hash of the event it points to, None when that event is gone."""

    event_id: str
    leaf_hash: bytes
    event_hash: bytes | None


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
        rows = _Reader(self._rows())
        for stored in self._checkpoints():
            checkpoint = self._opened(stored)
            if checkpoint is not None and not self._advance(checkpoint, rows):
                return
        self._report.size = self._tree.size
        self._finish(rows)

    def _find_unsealed(self, now: datetime) -> None:
        query = (
            select(AuditEvent)
            .outerjoin(AuditLeaf, AuditLeaf.event_id == AuditEvent.id)
            .where(AuditEvent.org_id == self._org_id, AuditLeaf.event_id.is_(None))
            .order_by(AuditEvent.at, AuditEvent.id)
        )
        for event in self._session.scalars(query.execution_options(populate_existing=True, yield_per=READ_AT_ONCE)):
            self._unsealed[leaf_hash(leaf_bytes(event))] = event.id
            if now - event.at > timedelta(seconds=MAX_LAG_S):
                self._report.add(Finding.EVENT_UNSEALED, event_id=event.id, note="waits for its leaf for too long")
        lost = (
            select(AuditPending.event_id)
            .outerjoin(AuditEvent, AuditEvent.id == AuditPending.event_id)
            .where(AuditPending.org_id == self._org_id, AuditEvent.id.is_(None))
        )
        for event_id in self._session.scalars(lost):
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
        query = select(AuditCheckpoint).where(AuditCheckpoint.org_id == self._org_id).order_by(AuditCheckpoint.size)
        yield from self._session.scalars(query.execution_options(populate_existing=True, yield_per=READ_AT_ONCE))

    def _rows(self) -> Iterator[tuple[int, _Row]]:
        query = (
            select(AuditLeaf.index, AuditLeaf.event_id, AuditLeaf.leaf_hash, AuditEvent)
            .outerjoin(AuditEvent, AuditEvent.id == AuditLeaf.event_id)
            .where(AuditLeaf.org_id == self._org_id)
            .order_by(AuditLeaf.index)
            .execution_options(populate_existing=True, yield_per=READ_AT_ONCE)
        )
        for index, event_id, stored, event in self._session.execute(query):
            event_hash = None if event is None else leaf_hash(leaf_bytes(event))
            yield index, _Row(event_id=event_id, leaf_hash=stored, event_hash=event_hash)

    def _opened(self, stored: AuditCheckpoint) -> Checkpoint | None:
        """Return what the checkpoint signed, None (and a problem) when nobody we know signed it."""
        self._report.checkpoints += 1
        hashes = _hashes(stored.leaves)
        self._claimed.update(enumerate(hashes, stored.size - len(hashes)))
        try:
            signed = verify_checkpoint(stored.note, self._origin, *self._publics)
        except CheckpointRefused as error:
            self._report.add(Finding.CHECKPOINT_FORGED, stored.size - 1, note=f"checkpoint {stored.id}: {error}")
            return None
        if (signed.size, signed.root) != (stored.size, stored.root):
            self._report.add(
                Finding.CHECKPOINT_ALTERED,
                stored.size - 1,
                note=f"checkpoint {stored.id} tells another size or root than it signed",
            )
        if signed.size <= self._tree.size:
            self._report.add(
                Finding.CHECKPOINT_FORGED, stored.size - 1, note=f"checkpoint {stored.id} does not grow the tree"
            )
            return None
        return signed

    def _advance(self, checkpoint: Checkpoint, rows: "_Reader") -> bool:
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
                note=f"leaves {start} to {stop - 1} do not give the signed root of size {stop}",
            )
            return False
        if any(index not in self._claimed for index in range(start, stop)):
            self._report.add(
                Finding.CHECKPOINT_MISSING, start, note=f"no checkpoint tells of all leaves from {start} to {stop - 1}"
            )
        elif [self._claimed[index] for index in range(start, stop)] != hashes:
            self._report.add(
                Finding.CHECKPOINT_ALTERED,
                start,
                note=f"the leaf hashes kept with checkpoint {stop} are not the signed ones",
            )
        self._claimed = {index: value for index, value in self._claimed.items() if index >= stop}
        self._compare(start, stop, dict(enumerate(hashes, start)), found)
        return True

    def _authentic(self, start: int, checkpoint: Checkpoint, found: dict[int, _Row]) -> list[bytes] | None:
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

    def _best(self, start: int, stop: int, found: dict[int, _Row]) -> dict[int, bytes]:
        """Return the likeliest hashes where none reproduce the root: what the checkpoints repeat, else the leaves."""
        by_leaf = {index: row.leaf_hash for index, row in found.items()}
        return {index: value for index, value in (by_leaf | self._claimed).items() if start <= index < stop}

    def _compare(self, start: int, stop: int, hashes: dict[int, bytes], found: dict[int, _Row]) -> None:
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
                self._report.add(
                    Finding.FORKED, size - 1, note=f"a checkpoint of size {size} kept outside has another root"
                )

    def _finish(self, rows: "_Reader") -> None:
        """Look at what stands behind the last checkpoint."""
        for index, row in rows.rest():
            self._report.add(Finding.LEAF_UNSIGNED, index, row.event_id, "behind the last checkpoint")
        for size in sorted(self._roots):
            if size or self._roots[size] != EMPTY_ROOT:
                self._report.add(
                    Finding.TRUNCATED, self._tree.size, note=f"a checkpoint kept outside tells of {size} leaves"
                )
        head = self._session.get(AuditHead, self._org_id, populate_existing=True)
        try:
            edge = CompactRange() if head is None else CompactRange(head.size, head.frontier)
        except TrailDamaged:
            edge = None
        if edge is None or (edge.size, edge.frontier()) != (self._tree.size, self._tree.frontier()):
            self._report.add(
                Finding.HEAD_ALTERED, self._tree.size, note="the head is not where the last checkpoint ends"
            )


class _Reader:
    """Reads indexed rows forward, up to a limit at a time."""

    def __init__(self, rows: Iterator[tuple[int, _Row]]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def below(self, stop: int) -> dict[int, _Row]:
        """Return the unread rows with an index below `stop`."""
        found: dict[int, _Row] = {}
        while self._next is not None and self._next[0] < stop:
            found[self._next[0]] = self._next[1]
            self._next = next(self._rows, None)
        return found

    def rest(self) -> Iterator[tuple[int, _Row]]:
        """Yield every row not read yet."""
        while self._next is not None:
            yield self._next
            self._next = next(self._rows, None)


def _hashes(joined: bytes) -> list[bytes]:
    return [joined[at : at + HASH_LENGTH] for at in range(0, len(joined), HASH_LENGTH)]
