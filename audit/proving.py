"""Proofs out of the stored tree, for receipts and exports.

Every proof is verified against the checkpoint's root before it leaves, so a damaged tree is noticed here and not by
the reader. Cost: a first proof reads about one tile of 256 hashes per eight levels (three for a million leaves); the
next ones of the same call read only the tiles not seen yet.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.errors import NotSealed, ProofRefused, TrailDamaged
from audit.merkle import consistency_path, inclusion_path, subtree_hash, verify_consistency, verify_inclusion
from audit.trail import AuditEvent, leaf_bytes
from audit.tree import AuditCheckpoint, AuditLeaf, StoredTree, latest_checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """Where an event stands in the tree of `size` leaves, and the siblings that lead from its leaf hash to the root."""

    event_id: str
    index: int
    size: int
    leaf_hash: bytes
    path: tuple[bytes, ...]


def proof_for(session: Session, event_id: str, size: int) -> InclusionProof:
    """Return the proof of one event in its organization's tree of `size` leaves. Raises NotSealed, TrailDamaged."""
    leaf = session.scalars(select(AuditLeaf).where(AuditLeaf.event_id == event_id)).one_or_none()
    if leaf is None:
        raise NotSealed("the event has no leaf yet")
    return proofs_for(session, leaf.org_id, [event_id], size)[0]


def proofs_for(session: Session, org_id: str, event_ids: Sequence[str], size: int) -> list[InclusionProof]:
    """Return the proofs of many events of one organization against its checkpoint of `size`, in the order asked.

    Raises NotSealed when an event has no leaf below `size` or no checkpoint has that size, TrailDamaged when the
    stored tree does not give the signed root.
    """
    root = session.scalar(
        select(AuditCheckpoint.root).where(AuditCheckpoint.org_id == org_id, AuditCheckpoint.size == size)
    )
    if root is None:
        raise NotSealed("no checkpoint has that size")
    tree = StoredTree(session, org_id)
    return [_proof(tree, leaf, size, root) for leaf in _leaves(session, org_id, event_ids, size)]


def consistency_for(session: Session, org_id: str, first: int, second: int) -> list[bytes]:
    """Return the proof that the tree of `first` leaves is a prefix of that of `second`. Raises TrailDamaged."""
    tree = StoredTree(session, org_id)
    try:
        path = consistency_path(tree.node, first, second)
        roots = (subtree_hash(tree.node, 0, first), subtree_hash(tree.node, 0, second))
        verify_consistency(first, second, *roots, path)
    except ProofRefused as error:
        raise TrailDamaged("the stored tree gives no proof") from error
    return path


def sealed_events(session: Session, org_id: str, case_id: str, size: int) -> list[tuple[int, AuditEvent]]:
    """Return the events of a case that stand below `size`, with their leaf indexes, in the order of the tree."""
    rows = session.execute(
        select(AuditLeaf.index, AuditEvent)
        .join(AuditLeaf, AuditLeaf.event_id == AuditEvent.id)
        .where(AuditEvent.case_id == case_id, AuditEvent.org_id == org_id, AuditLeaf.index < size)
        .order_by(AuditLeaf.index)
    )
    return [(index, event) for index, event in rows]


def extract_of(session: Session, org_id: str, case_id: str) -> dict[str, str | int]:
    """Return what an export's event says of the case's trail so far, as details: `through` and `extract`.

    `through` is the size of the newest checkpoint and `extract` the SHA-256 over the leaf bytes, each followed by a
    newline, of the case's events that stand below it. Sealed leaves never change, so whoever holds the bag can tell
    that none was left out.
    """
    checkpoint = latest_checkpoint(session, org_id)
    through = 0 if checkpoint is None else checkpoint.size
    digest = hashlib.sha256()
    for _, event in sealed_events(session, org_id, case_id, through):
        digest.update(leaf_bytes(event) + b"\n")
    return {"through": through, "extract": digest.hexdigest()}


def _leaves(session: Session, org_id: str, event_ids: Sequence[str], size: int) -> list[AuditLeaf]:
    found: dict[str, AuditLeaf] = {}
    for at in range(0, len(event_ids), 500):
        query = select(AuditLeaf).where(AuditLeaf.event_id.in_(event_ids[at : at + 500]), AuditLeaf.org_id == org_id)
        found |= {leaf.event_id: leaf for leaf in session.scalars(query) if leaf.index < size}
    if missing := [event_id for event_id in event_ids if event_id not in found]:
        raise NotSealed(f"no leaf below {size} for event {missing[0]}")
    return [found[event_id] for event_id in event_ids]


def _proof(tree: StoredTree, leaf: AuditLeaf, size: int, root: bytes) -> InclusionProof:
    path = inclusion_path(tree.node, leaf.index, size)
    try:
        verify_inclusion(leaf.leaf_hash, leaf.index, size, path, root)
    except ProofRefused as error:
        raise TrailDamaged(f"leaf {leaf.index} does not lead to the signed root") from error
    return InclusionProof(
        event_id=leaf.event_id, index=leaf.index, size=size, leaf_hash=leaf.leaf_hash, path=tuple(path)
    )
