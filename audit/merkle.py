"""The Merkle tree of RFC 6962 (section 2.1, the same in RFC 9162): hashes, the compact range, proofs and their
verification.

A leaf is SHA-256(0x00 || data), a node SHA-256(0x01 || left || right). Nodes are addressed by (level, index): level 0
are leaves, and node (l, i) covers the leaves [i * 2^l, (i + 1) * 2^l). Knows no row and no event.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hmac import compare_digest

from audit.errors import ProofRefused, TrailDamaged

HASH_LENGTH = 32
EMPTY_ROOT = hashlib.sha256().digest()
"""Root of the tree without leaves."""

NodeSource = Callable[[int, int], bytes]
"""Returns the hash of the complete node (level, index)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A complete subtree."""

    level: int
    index: int
    hash: bytes


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above two others."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class CompactRange:
    """The right edge of a tree: at most log2(size) + 1 hashes, enough to append and to tell the root."""

    def __init__(self, size: int = 0, frontier: bytes = b"") -> None:
        """Resume at `size` leaves from the `frontier` of an earlier range. Raises TrailDamaged when they do not fit."""
        if size < 0 or len(frontier) != size.bit_count() * HASH_LENGTH:
            raise TrailDamaged("the frontier does not fit the size of the tree")
        self.size = size
        self._hashes = [frontier[at : at + HASH_LENGTH] for at in range(0, len(frontier), HASH_LENGTH)]

    def append(self, leaf: bytes) -> list[Node]:
        """Add a leaf hash; return the interior nodes that became complete, lowest first."""
        completed: list[Node] = []
        level, position, current = 0, self.size, leaf
        while position & 1:
            current = node_hash(self._hashes.pop(), current)
            level, position = level + 1, position >> 1
            completed.append(Node(level=level, index=position, hash=current))
        self._hashes.append(current)
        self.size += 1
        return completed

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        return _fold(self._hashes)

    def frontier(self) -> bytes:
        """Return the edge as bytes: the hashes of the complete subtrees, widest first."""
        return b"".join(self._hashes)

    def copy(self) -> "CompactRange":
        """Return an independent range that stands at the same leaf."""
        return CompactRange(self.size, self.frontier())


def complete_hash(hashes: Sequence[bytes]) -> bytes:
    """Return the hash of the complete subtree over `hashes` (a power of two of them)."""
    level = list(hashes)
    while len(level) > 1:
        level = [node_hash(level[at], level[at + 1]) for at in range(0, len(level), 2)]
    return level[0]


def subtree_hash(node: NodeSource, start: int, stop: int) -> bytes:
    """Return MTH(D[start:stop]); `start` is a multiple of the smallest power of two that is not below stop - start."""
    parts: list[bytes] = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        parts.append(node(level, start >> level))
        start += 1 << level
    return _fold(parts)


def inclusion_path(node: NodeSource, index: int, size: int) -> list[bytes]:
    """Return the audit path of leaf `index` in the tree of `size` leaves (RFC 9162, 2.1.3.1). Raises ProofRefused out
    of range.
    """
    if not 0 <= index < size:
        raise ProofRefused("no such leaf in a tree of that size")
    path: list[bytes] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            path.append(subtree_hash(node, middle, stop))
            stop = middle
        else:
            path.append(subtree_hash(node, start, middle))
            start = middle
    return path[::-1]


def consistency_path(node: NodeSource, first: int, second: int) -> list[bytes]:
    """Return the proof that the tree of `first` leaves is a prefix of that of `second` (RFC 9162, 2.1.4.1)."""
    if not 0 <= first <= second:
        raise ProofRefused("the first tree is larger than the second")
    if first in (0, second):
        return []
    path: list[bytes] = []
    start, stop, inside = 0, second, False
    while first != stop:
        middle = start + _split(stop - start)
        if first <= middle:
            path.append(subtree_hash(node, middle, stop))
            stop = middle
        else:
            path.append(subtree_hash(node, start, middle))
            start, inside = middle, True
    if inside:
        path.append(subtree_hash(node, start, stop))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Return when `path` leads from `leaf` at `index` to `root` (RFC 9162, 2.1.3.2); raise ProofRefused otherwise."""
    if not 0 <= index < size:
        raise ProofRefused("no such leaf in a tree of that size")
    place, last, current = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ProofRefused("the path is too long")
        if place & 1 or place == last:
            current = node_hash(sibling, current)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            current = node_hash(current, sibling)
        place, last = place >> 1, last >> 1
    if last != 0 or not compare_digest(current, root):
        raise ProofRefused("the path does not lead to the root")


def verify_consistency(first: int, second: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]) -> None:
    """Return when `path` proves the first tree a prefix of the second (RFC 9162, 2.1.4.2); raise ProofRefused
    otherwise.
    """
    if not 0 <= first <= second:
        raise ProofRefused("the first tree is larger than the second")
    if first in (0, second):
        expected = second_root if first == second else EMPTY_ROOT
        if path or not compare_digest(first_root, expected):
            raise ProofRefused("the roots of equal trees differ")
        return
    hashes = [first_root, *path] if first & (first - 1) == 0 else list(path)
    if not hashes:
        raise ProofRefused("the path is too short")
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise ProofRefused("the path is too long")
        if place & 1 or place == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        place, last = place >> 1, last >> 1
    if last != 0 or not (compare_digest(old, first_root) and compare_digest(new, second_root)):
        raise ProofRefused("the path does not join the two roots")


def _split(size: int) -> int:
    """Return the largest power of two below `size` (at least 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def _fold(hashes: Iterable[bytes]) -> bytes:
    """Return the hash over complete subtrees that stand side by side, widest first."""
    *rest, current = list(hashes) or [EMPTY_ROOT]
    for left in reversed(rest):
        current = node_hash(left, current)
    return current
