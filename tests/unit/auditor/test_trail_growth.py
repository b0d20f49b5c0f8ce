"""How the trees grow by a batch: the auditor's decision, as plain data."""

from typing import NamedTuple

from projections.trail.merkle import Tree, leaf_hash
from services.auditor.decide import Jump, Tip, grow


class Record(NamedTuple):
    partition: int
    offset: int
    value: bytes | None = b"x"


def test_each_partition_has_its_own_tree() -> None:
    """A mixed batch gives one append per partition, with leaves in the order of their offsets."""
    grown = grow({}, [Record(1, 0, b"a"), Record(0, 0, b"b"), Record(1, 1, b"c")])
    left, _ = Tree().extend([leaf_hash(b"b")])
    right, _ = Tree().extend([leaf_hash(b"a"), leaf_hash(b"c")])
    assert grown.appends == ([0, 1], [0, 0], [1, 2], [1, 2], [left.pack(), right.pack()])
    assert grown.leaves[:4] == ([0, 1, 1], [0, 0, 1], [0, 0, 1], [leaf_hash(v) for v in (b"b", b"a", b"c")])
    assert not grown.jumps


def test_a_tree_goes_on_where_it_stood() -> None:
    """Leaf numbers continue the tree's size, offsets the log's, and they need not be equal."""
    tree, _ = Tree().extend([leaf_hash(b"a")])
    grown = grow({3: Tip(tree, 7)}, [Record(3, 7), Record(3, 8)])
    after, _ = tree.extend([leaf_hash(b"x")] * 2)
    assert grown.appends == ([3], [1], [3], [9], [after.pack()])
    assert grown.leaves[1:3] == ([1, 2], [7, 8])


def test_a_completed_tile_is_kept() -> None:
    """The leaf that completes 256 adds their root."""
    grown = grow({}, [Record(0, offset) for offset in range(256)])
    tree, _ = Tree().extend([leaf_hash(b"x")] * 256)
    assert grown.nodes == ([0], [8], [0], [tree.root])


def test_every_jump_is_reported() -> None:
    """A record that is not the one the tree waits for is never added silently, before or behind."""
    tip = Tip(Tree.unpack(1, leaf_hash(b"a")), 5)
    assert grow({0: tip}, [Record(0, 4), Record(0, 5)]).jumps == [Jump(0, 5, 4)]
    assert grow({0: tip}, [Record(0, 5), Record(0, 8), Record(0, 9)]).jumps == [Jump(0, 6, 8)]
    assert grow({}, [Record(2, 3)]).jumps == [Jump(2, 0, 3)]


def test_nothing_in_nothing_added() -> None:
    """An empty batch adds no row."""
    assert grow({}, []).appends == ([], [], [], [], [])
