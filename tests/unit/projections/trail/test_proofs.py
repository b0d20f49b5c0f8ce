"""What proofs of the trail are made of, at the edges."""

import pytest

from projections.trail.merkle import EMPTY_ROOT, Tree, leaf_hash
from projections.trail.proofs import (
    Span,
    StoredRows,
    consistency_spans,
    inclusion_spans,
    stored_rows,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(bytes([number])) for number in range(5)]
ROOTS = [Tree().extend(LEAVES[:size])[0].root for size in range(6)]


def test_a_leaf_that_is_not_there_has_no_proof() -> None:
    """Positions begin at zero and end before the size."""
    assert inclusion_spans(0, 1) == []
    assert inclusion_spans(1, 3) == [Span(0, 1), Span(2, 3)]
    for index, size in ((-1, 1), (1, 1), (0, 0)):
        with pytest.raises(ValueError, match="has no leaf"):
            inclusion_spans(index, size)
        assert not verify_inclusion(LEAVES[0], index, size, [], ROOTS[1])


def test_a_tree_continues_itself_and_the_empty_one() -> None:
    """Without any subtree; not a larger one, and nothing continues less than nothing."""
    assert consistency_spans(0, 3) == consistency_spans(3, 3) == consistency_spans(0, 0) == []
    assert consistency_spans(2, 3) == [Span(2, 3)]
    assert consistency_spans(3, 5) == [Span(2, 3), Span(3, 4), Span(0, 2), Span(4, 5)]
    for old, new in ((3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="cannot continue"):
            consistency_spans(old, new)


def test_what_continues_what() -> None:
    """Without a proof, only an equal tree and the empty tree are accepted."""
    assert verify_consistency(0, EMPTY_ROOT, 3, ROOTS[3], [])
    assert not verify_consistency(0, EMPTY_ROOT, 3, ROOTS[3], [LEAVES[0]])
    assert not verify_consistency(0, ROOTS[1], 3, ROOTS[3], [])
    assert not verify_consistency(0, EMPTY_ROOT, -1, ROOTS[3], [])
    assert verify_consistency(3, ROOTS[3], 3, ROOTS[3], [])
    assert not verify_consistency(3, ROOTS[3], 3, ROOTS[2], [])
    assert not verify_consistency(3, ROOTS[3], 3, ROOTS[3], [LEAVES[0]])
    assert not verify_consistency(2, ROOTS[2], 3, ROOTS[3], [])
    assert verify_consistency(2, ROOTS[2], 3, ROOTS[3], [LEAVES[2]])
    assert not verify_consistency(3, ROOTS[3], 2, ROOTS[2], [LEAVES[2]])
    assert not verify_consistency(-1, ROOTS[0], 2, ROOTS[2], [LEAVES[2]])


def test_stored_rows_are_tile_roots() -> None:
    """A subtree of 256 leaves is one row of level 8, a smaller one the rows of its leaves."""
    assert stored_rows([Span(0, 256)]) == [StoredRows(8, 0, 1)]
    assert stored_rows([Span(256, 512)]) == [StoredRows(8, 1, 2)]
    assert stored_rows([Span(0, 128)]) == [StoredRows(0, 0, 128)]
    assert stored_rows([Span(0, 3)]) == [StoredRows(0, 0, 2), StoredRows(0, 2, 3)]
    assert stored_rows([Span(0, 512)]) == [StoredRows(8, 0, 2)]


def test_a_frontier_has_one_hash_per_bit() -> None:
    """And is read back only whole."""
    tree = Tree().extend(LEAVES)[0]
    assert (tree.size, len(tree.frontier)) == (5, 2)
    assert Tree.unpack(5, tree.pack()) == tree
    for size, packed in ((4, tree.pack()), (5, tree.pack()[:-1]), (5, b"")):
        with pytest.raises(ValueError, match=r"frontier"):
            Tree.unpack(size, packed)
    assert Tree.unpack(0, b"") == Tree()
