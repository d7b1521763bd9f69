"""Sealing: the custodian gives every event its leaf and signs a checkpoint over the grown tree.

Rules: leaves are numbered here, never by id or time; within one batch the order is (at, id). A tree is extended only
when its stored edge is the one that the last checkpoint signed, so a changed row cannot make the custodian sign a
rewritten history. Two custodians may run: on PostgreSQL an advisory lock per organization, on SQLite the writing
transaction lets one through, and the keys of the rows refuse the rest.
"""

import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.orm import Session

from audit.checkpoints import CheckpointSigner, origin_of, verify_checkpoint
from audit.errors import CheckpointRefused, TrailDamaged
from audit.merkle import EMPTY_ROOT, CompactRange, leaf_hash
from audit.trail import AuditEvent, AuditPending, leaf_bytes
from audit.tree import TILE_HEIGHT, AuditCheckpoint, AuditHead, AuditLeaf, AuditNode, latest_checkpoint

MAX_LAG_S = 60
"""An event may wait this long for its leaf, seconds; beyond it the installation is not ready."""

BATCH = 2000
"""Events sealed per organization and call."""

_log = logging.getLogger(__name__)


def seal_pending(
    session: Session, signer: CheckpointSigner, now: datetime, limit: int = BATCH
) -> list[AuditCheckpoint]:
    """Give leaves to waiting events, up to `limit` per organization, and return the new checkpoints, one per tree
    that grew.

    Call it in a writing transaction of its own and commit. An organization whose stored tree is damaged is left alone
    (and logged): its lag grows and turns readiness red, the others go on.
    """
    waiting = session.scalars(select(AuditPending.org_id).distinct().order_by(AuditPending.org_id)).all()
    made: list[AuditCheckpoint] = []
    for org_id in waiting:
        try:
            with session.begin_nested():
                checkpoint = _seal(session, signer, org_id, now, limit)
        except TrailDamaged as damage:
            _log.error("audit tree is damaged, not sealing", extra={"org_id": org_id, "reason": str(damage)})
        else:
            made += [checkpoint] if checkpoint is not None else []
    return made


def lag(session: Session, now: datetime) -> float:
    """Return for how many seconds the oldest event without a leaf has been waiting, 0.0 when there is none."""
    oldest = session.scalar(select(func.min(AuditPending.at)))
    return 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())


def _seal(session: Session, signer: CheckpointSigner, org_id: str, now: datetime, limit: int) -> AuditCheckpoint | None:
    if not _claim(session, org_id):
        return None
    head = session.get(AuditHead, org_id, populate_existing=True)
    tree = _trusted_range(session, signer, org_id, head)
    events = _waiting(session, org_id, limit)
    if not events:
        return None
    leaves = _append(session, org_id, tree, events, now)
    if head is None:
        head = AuditHead(org_id=org_id, size=0, frontier=b"")
        session.add(head)
    head.size, head.frontier = tree.size, tree.frontier()
    root = tree.root()
    checkpoint = AuditCheckpoint(
        org_id=org_id, size=tree.size, root=root, note=signer.sign(org_id, tree.size, root), leaves=leaves, at=now
    )
    session.add(checkpoint)
    session.flush()
    return checkpoint


def _waiting(session: Session, org_id: str, limit: int) -> Sequence[AuditEvent]:
    """Return the next events without a leaf. Raises TrailDamaged when a row of them no longer makes sense."""
    query = (
        select(AuditEvent)
        .join(AuditPending, AuditPending.event_id == AuditEvent.id)
        .where(AuditPending.org_id == org_id, AuditEvent.org_id == org_id)
        .order_by(AuditEvent.at, AuditEvent.id)
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    try:
        return session.scalars(query).all()
    except DBAPIError:
        raise
    except (ValueError, TypeError, StatementError) as error:
        raise TrailDamaged("a waiting event cannot be read") from error


def _claim(session: Session, org_id: str) -> bool:
    """Be the only one to seal this organization until the transaction ends."""
    if session.get_bind().dialect.name != "postgresql":
        return True
    key = int.from_bytes(hashlib.sha256(b"resguardo/audit/seal\n" + org_id.encode()).digest()[:8], "big", signed=True)
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(key))))


def _trusted_range(session: Session, signer: CheckpointSigner, org_id: str, head: AuditHead | None) -> CompactRange:
    """Return the stored edge of the tree, checked against the last signed checkpoint. Raises TrailDamaged."""
    last = latest_checkpoint(session, org_id)
    tree = CompactRange(head.size, head.frontier) if head is not None else CompactRange()
    size, root = 0, EMPTY_ROOT
    if last is not None:
        try:
            signed = verify_checkpoint(last.note, origin_of(org_id, signer.name), *signer.trusted)
        except CheckpointRefused as error:
            raise TrailDamaged("the last checkpoint is not ours") from error
        size, root = signed.size, signed.root
    if tree.size != size or tree.root() != root:
        raise TrailDamaged("the head is not the one last signed")
    if session.get(AuditLeaf, (org_id, tree.size)) is not None:
        raise TrailDamaged("there are leaves beyond the last checkpoint")
    return tree


def _append(session: Session, org_id: str, tree: CompactRange, events: Sequence[AuditEvent], now: datetime) -> bytes:
    """Extend the tree by `events`, write leaves and kept nodes, drop the pending rows; return the leaf hashes,
    joined.
    """
    leaves: list[dict[str, Any]] = []
    nodes: list[dict[str, Any]] = []
    for entry in events:
        digest = leaf_hash(leaf_bytes(entry))
        leaves.append(
            {"org_id": org_id, "index": tree.size, "event_id": entry.id, "leaf_hash": digest, "sealed_at": now}
        )
        nodes += [
            {"org_id": org_id, "level": node.level, "index": node.index, "hash": node.hash}
            for node in tree.append(digest)
            if node.level % TILE_HEIGHT == 0
        ]
    try:
        session.execute(insert(AuditLeaf), leaves)
        if nodes:
            session.execute(insert(AuditNode), nodes)
    except IntegrityError as error:
        raise TrailDamaged("a place in the tree is taken, or an event has a leaf already") from error
    session.execute(
        delete(AuditPending).where(AuditPending.event_id.in_([entry.id for entry in events])),
        execution_options={"synchronize_session": False},
    )
    return b"".join(leaf["leaf_hash"] for leaf in leaves)
