"""The trail's trees against RFC 6962 written down naively, over random trees, splits and tampering."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from projections.trail.merkle import Tree, leaf_hash
from projections.trail.proofs import (
    Span,
    StoredRows,
    assemble,
    consistency_spans,
    inclusion_spans,
    stored_rows,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(number.to_bytes(4)) for number in range(1500)]
sizes = st.integers(0, len(LEAVES))


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    k = 1
    while 2 * k < size:
        k *= 2
    return k


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH(D[n])."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node(naive_root(leaves[:k]), naive_root(leaves[k:]))


def naive_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    if len(leaves) <= 1:
        return []
    k = split(len(leaves))
    if index < k:
        return [*naive_path(index, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(index - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(old: int, leaves: list[bytes], complete: bool) -> list[bytes]:
    """SUBPROOF(m, D[n], b)."""
    if old == len(leaves):
        return [] if complete else [naive_root(leaves)]
    k = split(len(leaves))
    if old <= k:
        return [*naive_subproof(old, leaves[:k], complete), naive_root(leaves[k:])]
    return [*naive_subproof(old - k, leaves[k:], False), naive_root(leaves[:k])]


def stored(size: int) -> dict[tuple[int, int], bytes]:
    """Every hash the database holds of the tree of this size."""
    _, tiles = Tree().extend(LEAVES[:size])
    return {(0, index): leaf for index, leaf in enumerate(LEAVES[:size])} | {
        (tile.level, tile.position): tile.hash for tile in tiles
    }


def made_of(rows: list[StoredRows], size: int) -> dict[tuple[int, int], bytes]:
    """Only the requested stored hashes."""
    everything = stored(size)
    wanted = [(row.level, index) for row in rows for index in range(row.first, row.past)]
    return {place: everything[place] for place in wanted}


def proof(spans: list[Span], size: int) -> list[bytes]:
    return list(assemble(spans, made_of(stored_rows(spans), size)))


@given(size=sizes, cuts=st.lists(sizes))
def test_any_split_into_batches_grows_the_same_tree(size: int, cuts: list[int]) -> None:
    """Frontier, root and tiles do not depend on the batches, and the root is the RFC's."""
    whole, whole_tiles = Tree().extend(LEAVES[:size])
    tree, tiles, start = Tree(), [], 0
    for cut in [*sorted(min(cut, size) for cut in cuts), size]:
        tree, completed = Tree.unpack(tree.size, tree.pack()).extend(LEAVES[start:cut])
        tiles += completed
        start = cut
    assert (tree, tiles) == (whole, whole_tiles)
    assert tree.root == naive_root(LEAVES[:size])


@given(size=sizes)
def test_tiles_are_the_roots_over_256_leaves_each(size: int) -> None:
    """Exactly the complete tiles are stored, each with the RFC's root over its leaves."""
    _, tiles = Tree().extend(LEAVES[:size])
    assert [(tile.level, tile.position) for tile in tiles] == [(8, index) for index in range(size // 256)]
    for tile in tiles:
        assert tile.hash == naive_root(LEAVES[tile.position * 256 : (tile.position + 1) * 256])


def test_tiles_of_tiles_are_stored() -> None:
    """The 65,536th leaf completes a tile of level 16 made of the 256 below it."""
    leaves = [leaf_hash(number.to_bytes(4)) for number in range(65_536)]
    tree, tiles = Tree().extend(leaves)
    assert tiles[-1] == (16, 0, tree.root)
    assert naive_root([tile.hash for tile in tiles if tile.level == 8]) == tree.root


@given(data=st.data(), size=st.integers(1, len(LEAVES)))
def test_inclusion_proofs_are_the_rfcs_and_verify(data: st.DataObject, size: int) -> None:
    """From the stored hashes alone every leaf gets the RFC's proof; it holds at that place and no other."""
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
    path, root = proof(inclusion_spans(index, size), size), naive_root(LEAVES[:size])
    assert path == naive_path(index, LEAVES[:size])
    assert verify_inclusion(LEAVES[index], index, size, path, root)
    assert verify_inclusion(LEAVES[index], other, size, path, root) == (index == other)


@given(data=st.data(), new=st.integers(1, len(LEAVES)))
def test_consistency_proofs_are_the_rfcs_and_verify(data: st.DataObject, new: int) -> None:
    """From the stored hashes alone any two sizes get the RFC's proof, and it connects their roots."""
    old = data.draw(st.integers(1, new))
    path = proof(consistency_spans(old, new), new)
    assert path == naive_subproof(old, LEAVES[:new], True)
    assert verify_consistency(old, naive_root(LEAVES[:old]), new, naive_root(LEAVES[:new]), path)


@given(data=st.data(), size=st.integers(2, 300), bit=st.integers(0, 255))
def test_one_flipped_bit_breaks_an_inclusion_proof(data: st.DataObject, size: int, bit: int) -> None:
    """With any bit of the proof or the leaf changed, cut short or made longer, it does not verify."""
    index, root = data.draw(st.integers(0, size - 1)), naive_root(LEAVES[:size])
    path = proof(inclusion_spans(index, size), size)
    for wrong in broken(path, data.draw(st.integers(0, len(path) - 1)), bit):
        assert not verify_inclusion(LEAVES[index], index, size, wrong, root)
    assert not verify_inclusion(flip(LEAVES[index], bit), index, size, path, root)


@given(data=st.data(), size=st.integers(2, 300), bit=st.integers(0, 255))
def test_one_flipped_bit_breaks_a_consistency_proof(data: st.DataObject, size: int, bit: int) -> None:
    """With any bit of the proof or a root changed, cut short or made longer, it does not verify."""
    old = data.draw(st.integers(1, size - 1))
    old_root, root = naive_root(LEAVES[:old]), naive_root(LEAVES[:size])
    path = proof(consistency_spans(old, size), size)
    for wrong in broken(path, data.draw(st.integers(0, len(path) - 1)), bit):
        assert not verify_consistency(old, old_root, size, root, wrong)
    assert not verify_consistency(old, flip(old_root, bit), size, root, path)
    assert not verify_consistency(old, old_root, size, flip(root, bit), path)


def broken(path: list[bytes], chosen: int, bit: int) -> list[list[bytes]]:
    changed = [flip(hash_, bit) if at == chosen else hash_ for at, hash_ in enumerate(path)]
    return [changed, path[:-1], [*path, path[0]]]


def flip(hash_: bytes, bit: int) -> bytes:
    changed = bytearray(hash_)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
