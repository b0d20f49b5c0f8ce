"""RFC 6962 hashing and proofs against the vectors of the certificate-transparency project."""

import pytest

from projections.trail.merkle import EMPTY_ROOT, Tree, leaf_hash
from projections.trail.proofs import (
    Span,
    assemble,
    consistency_spans,
    inclusion_spans,
    stored_rows,
    verify_consistency,
    verify_inclusion,
)

RECORDS = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
LEAVES = [leaf_hash(record) for record in RECORDS]
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
INCLUSION = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def proof(spans: list[Span]) -> tuple[bytes, ...]:
    return assemble(spans, {(0, index): leaf for index, leaf in enumerate(LEAVES)})


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_the_rfc(size: int) -> None:
    """The tree over the first n test records has the published root."""
    tree, _ = Tree().extend(LEAVES[:size])
    assert (tree.size, tree.root.hex()) == (size, ROOTS[size])


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_inclusion_proofs_are_those_of_the_rfc(index: int, size: int) -> None:
    """Inclusion proofs equal the published ones and prove the published root."""
    path = proof(inclusion_spans(index, size))
    assert [hash_.hex() for hash_ in path] == INCLUSION[index, size]
    assert verify_inclusion(LEAVES[index], index, size, path, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_consistency_proofs_are_those_of_the_rfc(old: int, new: int) -> None:
    """Consistency proofs equal the published ones and connect the published roots."""
    path = proof(consistency_spans(old, new))
    assert [hash_.hex() for hash_ in path] == CONSISTENCY[old, new]
    assert verify_consistency(old, bytes.fromhex(ROOTS[old]), new, bytes.fromhex(ROOTS[new]), path)


def test_the_empty_tree_is_consistent_with_every_tree() -> None:
    """Nothing is needed to continue the empty tree, and only the empty tree's root counts as its root."""
    root = bytes.fromhex(ROOTS[3])
    assert verify_consistency(0, EMPTY_ROOT, 3, root, ())
    assert verify_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, ())
    assert not verify_consistency(0, root, 3, root, ())
    assert not verify_consistency(0, EMPTY_ROOT, 3, root, (root,))


def test_places_outside_the_tree_have_no_proof() -> None:
    """A leaf beyond the tree and a tree that shrank are refused, and never verify."""
    with pytest.raises(ValueError, match="no leaf 8"):
        inclusion_spans(8, 8)
    with pytest.raises(ValueError, match="cannot continue"):
        consistency_spans(8, 7)
    assert not verify_inclusion(LEAVES[0], 1, 1, (), LEAVES[0])
    assert not verify_consistency(2, bytes.fromhex(ROOTS[2]), 1, bytes.fromhex(ROOTS[1]), ())


def test_a_proof_reads_few_rows() -> None:
    """In a tree of a billion leaves a proof reads about two thousand stored hashes at most."""
    size = 1_000_000_007
    for index in (0, 1, 255, 256, 65_535, 123_456_789, size - 1):
        rows = stored_rows(inclusion_spans(index, size))
        assert sum(row.past - row.first for row in rows) <= 2 * 4 * 255
        assert {row.level for row in rows} <= {0, 8, 16, 24}


def test_a_frontier_of_the_wrong_shape_is_refused() -> None:
    """A stored frontier that cannot belong to its size stops the appender instead of growing a wrong tree."""
    tree, _ = Tree().extend(LEAVES[:7])
    assert Tree.unpack(7, tree.pack()) == tree
    for size, packed in ((6, tree.pack()), (7, tree.pack()[:-1]), (7, tree.pack()[:-32])):
        with pytest.raises(ValueError, match="frontier"):
            Tree.unpack(size, packed)
