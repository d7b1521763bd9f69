"""The rows of the sealed tree: leaves, nodes, heads and checkpoints.

Rules: all of it is derived from the events and append-only (only a checkpoint's stamp fields and the head row
change). Besides the leaves only every eighth level of nodes is kept, one row for 256 of the level below (the tiling
of c2sp.org/tlog-tiles), so any root or proof reads a few hundred rows however large the tree is.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit.errors import TrailDamaged
from audit.merkle import HASH_LENGTH, complete_hash
from storage.database import Base, NewId

TILE_HEIGHT = 8
"""Levels between stored nodes: a tile is up to 256 hashes side by side."""


class AuditLeaf(Base):
    """The place of an event in its organization's tree."""

    __tablename__ = "audit_leaves"

    org_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    index: Mapped[int] = mapped_column("leaf_index", BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[str] = mapped_column(String(32), unique=True)
    leaf_hash: Mapped[bytes] = mapped_column(LargeBinary(HASH_LENGTH))
    sealed_at: Mapped[datetime]


class AuditNode(Base):
    """A complete interior node at a level that is a multiple of TILE_HEIGHT."""

    __tablename__ = "audit_nodes"

    org_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    index: Mapped[int] = mapped_column("node_index", BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary(HASH_LENGTH))


class AuditHead(Base):
    """Where an organization's tree ends: its size and right edge, all that appending needs."""

    __tablename__ = "audit_heads"

    org_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    frontier: Mapped[bytes] = mapped_column(LargeBinary)


class AuditCheckpoint(Base):
    """A signed statement of one tree's size and root.

    `leaves` repeats the leaf hashes that this checkpoint added. The root covers them, so they need no trust of their
    own, and with them verification names the very event that was altered, not just the checkpoint that no longer
    fits. `stamp` is the answer of a time-stamp authority (RFC 3161, DER) over the note.
    """

    __tablename__ = "audit_checkpoints"
    __table_args__ = (UniqueConstraint("org_id", "size"), Index(None, "stamp_due"))

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(String(32))
    size: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[bytes] = mapped_column(LargeBinary(HASH_LENGTH))
    note: Mapped[str] = mapped_column(Text)
    leaves: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime]
    stamp_requested: Mapped[bool] = mapped_column(default=False)
    stamp_due: Mapped[datetime | None]
    stamp_attempt: Mapped[int] = mapped_column(default=0)
    stamp: Mapped[bytes | None] = mapped_column(LargeBinary)
    stamped_at: Mapped[datetime | None]


class StoredTree:
    """Reads the nodes of one organization's tree, a tile at a time, and remembers the tiles while it lives."""

    def __init__(self, session: Session, org_id: str) -> None:
        """Look at the tree of `org_id` through `session`."""
        self._session = session
        self._org_id = org_id
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of the complete node (level, index). Raises TrailDamaged when stored hashes are missing."""
        base = level - level % TILE_HEIGHT
        width = 1 << (level - base)
        first = index * width
        tile = self._tile(base, first >> TILE_HEIGHT)
        offset = first % (1 << TILE_HEIGHT)
        hashes = tile[offset : offset + width]
        if len(hashes) != width:
            raise TrailDamaged("stored hashes are missing")
        return complete_hash(hashes)

    def _tile(self, level: int, number: int) -> list[bytes]:
        if (level, number) not in self._tiles:
            self._tiles[level, number] = self._read(level, number << TILE_HEIGHT, (number + 1) << TILE_HEIGHT)
        return self._tiles[level, number]

    def _read(self, level: int, start: int, stop: int) -> list[bytes]:
        if level == 0:
            query = select(AuditLeaf.index, AuditLeaf.leaf_hash).where(AuditLeaf.org_id == self._org_id)
            place = AuditLeaf.index
        else:
            query = select(AuditNode.index, AuditNode.hash).where(
                AuditNode.org_id == self._org_id, AuditNode.level == level
            )
            place = AuditNode.index
        rows = self._session.execute(query.where(place >= start, place < stop).order_by(place)).all()
        if any(row[0] != expected for expected, row in enumerate(rows, start)):
            raise TrailDamaged("stored hashes are missing")
        return [row[1] for row in rows]


def latest_checkpoint(session: Session, org_id: str) -> AuditCheckpoint | None:
    """Return the newest checkpoint of the organization, None while its tree is empty."""
    query = select(AuditCheckpoint).where(AuditCheckpoint.org_id == org_id)
    return session.scalars(query.order_by(AuditCheckpoint.size.desc()).limit(1)).one_or_none()
