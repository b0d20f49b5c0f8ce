"""Inclusion and consistency proofs (RFC 6962 section 2.1): how they are made and verified. Pure.

`inclusion_spans` and `consistency_spans` name the subtrees of a proof, `stored_rows` names the stored
hashes from which these are computed, and `assemble` turns the hashes into the proof. Verification needs
only the proof.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from projections.trail.merkle import EMPTY_ROOT, TILE_HEIGHT, join_right, node_hash, perfect_root


class Span(NamedTuple):
    """The subtree over the leaves [start, end), as the RFC splits a tree."""

    start: int
    end: int


class StoredRows(NamedTuple):
    """Stored hashes [first, past) of a level: 0 for leaves, otherwise a multiple of the tile height."""

    level: int
    first: int
    past: int


def inclusion_spans(index: int, size: int) -> list[Span]:
    """Return the subtrees whose roots prove that leaf `index` is in the tree of `size` leaves, its sibling
    first.

    Raises ValueError when a tree of that size has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    start, end, spans = 0, size, []
    while end - start > 1:
        middle = start + _left_size(end - start)
        if index < middle:
            spans.append(Span(middle, end))
            end = middle
        else:
            spans.append(Span(start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(old_size: int, new_size: int) -> list[Span]:
    """Return the subtrees whose roots prove that the tree of `new_size` leaves continues the one of
    `old_size`.

    Raises ValueError when the older tree is the larger one.
    """
    if not 0 <= old_size <= new_size:
        raise ValueError(f"a tree of {new_size} leaves cannot continue one of {old_size}")
    if old_size == 0:
        return []
    start, end, spans = 0, new_size, []
    while end != old_size:
        middle = start + _left_size(end - start)
        if old_size <= middle:
            spans.append(Span(middle, end))
            end = middle
        else:
            spans.append(Span(start, middle))
            start = middle
    return ([Span(start, end)] if start else []) + spans[::-1]


def stored_rows(spans: Iterable[Span]) -> list[StoredRows]:
    """Return which stored hashes the roots of these subtrees are computed from."""
    return [_rows(level, index) for span in spans for level, index in _perfect_parts(span)]


def assemble(spans: Iterable[Span], hashes: Mapping[tuple[int, int], bytes]) -> tuple[bytes, ...]:
    """Return the root of each subtree, from the stored hashes by (level, position).

    Raises KeyError with the (level, position) of a missing hash.
    """
    return tuple(join_right([_part_root(part, hashes) for part in _perfect_parts(span)]) for span in spans)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Return whether the proof shows the leaf at `index` in the tree with this size and root (RFC 9162
    2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, hash_ = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            hash_ = node_hash(sibling, hash_)
            position, last = _skip_missing_siblings(position, last)
        else:
            hash_ = node_hash(hash_, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and hash_ == root


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Return whether the proof shows that the newer tree only appended to the older one (RFC 9162
    2.1.4.2)."""
    if old_size == 0:
        return not proof and new_size >= 0 and old_root == EMPTY_ROOT
    if old_size == new_size:
        return not proof and old_root == new_root
    if not 0 < old_size < new_size or not proof:
        return False
    start, *path = [old_root, *proof] if old_size.bit_count() == 1 else proof
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_hash = new_hash = start
    for sibling in path:
        if last == 0:
            return False
        if position & 1 or position == last:
            old_hash, new_hash = node_hash(sibling, old_hash), node_hash(sibling, new_hash)
            position, last = _skip_missing_siblings(position, last)
        else:
            new_hash = node_hash(new_hash, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and old_hash == old_root and new_hash == new_root


def _left_size(size: int) -> int:
    """Return the largest power of two smaller than size (size > 1)."""
    return 1 << (size - 1).bit_length() - 1


def _skip_missing_siblings(position: int, last: int) -> tuple[int, int]:
    """Climb past the levels where a rightmost node has no sibling and is passed up unchanged."""
    while not position & 1 and position:
        position, last = position >> 1, last >> 1
    return position, last


def _perfect_parts(span: Span) -> Iterator[tuple[int, int]]:
    """Yield the perfect subtrees of a span as (level, index), largest first."""
    start = span.start
    while start < span.end:
        level = (span.end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _rows(level: int, index: int) -> StoredRows:
    height = level % TILE_HEIGHT
    return StoredRows(level - height, index << height, (index + 1) << height)


def _part_root(part: tuple[int, int], hashes: Mapping[tuple[int, int], bytes]) -> bytes:
    level, first, past = _rows(*part)
    return perfect_root([hashes[level, index] for index in range(first, past)])
