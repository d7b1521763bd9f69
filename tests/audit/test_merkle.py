"""The Merkle tree against the vectors of Certificate Transparency, the RFC's own definition and pymerkle."""

import hashlib

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import ProofRefused, TrailDamaged
from audit.merkle import (
    EMPTY_ROOT,
    CompactRange,
    complete_hash,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    subtree_hash,
    verify_consistency,
    verify_inclusion,
)

# Certificate Transparency's reference entries and the roots over their first n
ENTRIES = [bytes.fromhex(entry) for entry in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"
)]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(b"%d" % number) for number in range(70)]
sizes = st.integers(min_value=1, max_value=len(LEAVES))


def node(level, index):
    return complete_hash(LEAVES[index << level : (index + 1) << level])


def definition(leaves):
    """MTH as RFC 9162 section 2.1.1 writes it down."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(definition(leaves[:split]), definition(leaves[split:]))


def root(size):
    return definition(LEAVES[:size]) if size else EMPTY_ROOT


def test_the_roots_are_those_of_certificate_transparency():
    tree = CompactRange()
    found = [tree.root().hex()]
    for entry in ENTRIES:
        tree.append(leaf_hash(entry))
        found.append(tree.root().hex())
    assert found == ROOTS


def test_the_roots_and_inclusion_paths_are_those_of_pymerkle():
    other = pymerkle.InmemoryTree(algorithm="sha256")
    tree = CompactRange()
    for number in range(len(LEAVES)):
        other.append_entry(b"%d" % number)
        tree.append(LEAVES[number])
        assert other.get_root() == tree.root()
    for size in (1, 2, 7, 8, 33, 64, 70):
        for index in range(size):
            assert other.prove_inclusion(index + 1, size).path == [LEAVES[index], *inclusion_path(node, index, size)]


@given(sizes)
def test_any_root_is_the_definition(size):
    tree = CompactRange()
    for leaf in LEAVES[:size]:
        tree.append(leaf)
    assert tree.root() == root(size) == subtree_hash(node, 0, size)
    assert CompactRange(size, tree.frontier()).root() == tree.root()


@given(sizes)
def test_completed_nodes_are_the_complete_subtrees(size):
    tree = CompactRange()
    made = [completed for leaf in LEAVES[:size] for completed in tree.append(leaf)]
    expected = {(level, index) for level in range(1, 8) for index in range(size >> level)}
    assert {(completed.level, completed.index) for completed in made} == expected
    assert all(completed.hash == node(completed.level, completed.index) for completed in made)


@given(sizes, st.data())
def test_every_leaf_is_proven_and_no_other_leaf_with_its_path(size, data):
    index = data.draw(st.integers(min_value=0, max_value=size - 1))
    path = inclusion_path(node, index, size)
    verify_inclusion(LEAVES[index], index, size, path, root(size))
    other = data.draw(st.integers(min_value=0, max_value=size - 1).filter(lambda one: one != index or size == 1))
    for leaf, place, total, way, top in (
        (leaf_hash(b"forged"), index, size, path, root(size)),
        (LEAVES[index], index, size, [*path, LEAVES[0]], root(size)),
        (LEAVES[index], index, size, path[:-1] if path else [LEAVES[0]], root(size)),
        (LEAVES[index], index, size, path, hashlib.sha256(b"other").digest()),
        (LEAVES[index], size, size, path, root(size)),
        (LEAVES[index], -1, size, path, root(size)),
        *([(LEAVES[index], other, size, path, root(size))] if other != index else []),
    ):
        with pytest.raises(ProofRefused):
            verify_inclusion(leaf, place, total, way, top)


@given(sizes, st.data())
def test_every_prefix_is_proven_and_no_other_tree(second, data):
    first = data.draw(st.integers(min_value=0, max_value=second))
    path = consistency_path(node, first, second)
    verify_consistency(first, second, root(first), root(second), path)
    forged = hashlib.sha256(b"forged").digest()
    wrong = [(forged, root(second), path), (root(first), root(second), [*path, forged])]
    if first:
        wrong.append((root(first), forged, path))
    if path:
        wrong += [(root(first), root(second), path[:-1]), (root(first), root(second), [])]
        wrong.append((root(first), root(second), [forged, *path[1:]]))
    for old, new, way in wrong:
        with pytest.raises(ProofRefused):
            verify_consistency(first, second, old, new, way)


def test_a_shrunken_tree_is_not_consistent():
    with pytest.raises(ProofRefused):
        verify_consistency(5, 4, root(5), root(4), [])
    with pytest.raises(ProofRefused):
        consistency_path(node, 5, 4)
    with pytest.raises(ProofRefused):
        inclusion_path(node, 4, 4)


def test_a_node_cannot_pass_for_a_leaf():
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != node_hash(LEAVES[0], LEAVES[1])


def test_a_frontier_of_the_wrong_size_is_refused():
    with pytest.raises(TrailDamaged):
        CompactRange(3, bytes(32))
