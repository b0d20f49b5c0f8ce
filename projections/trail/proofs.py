"""Inclusion and consistency proofs (RFC 6962 section 2.1): what they are made of, how anybody checks them.

Making one is split so that it stays pure: `inclusion_spans` and `consistency_spans` name the subtrees,
`stored_rows` names the stored hashes those are made of, `assemble` turns the hashes into the proof.
Checking needs nothing but the proof.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from projections.trail.merkle import EMPTY_ROOT, TILE_HEIGHT, join_right, node_hash, perfect_root


class Span(NamedTuple):
    """The subtree over the leaves [start, end); one of those the RFC splits a tree into."""

    start: int
    end: int


class StoredRows(NamedTuple):
    """Stored hashes [first, past) of a level: 0 for leaves, else a multiple of the tile height."""

    level: int
    first: int
    past: int


def inclusion_spans(index: int, size: int) -> list[Span]:
    """The subtrees whose roots prove leaf `index` to be in the tree of `size` leaves, its sibling first."""
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
    """The subtrees whose roots prove the tree of `new_size` leaves to continue the one of `old_size`."""
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
    """What must be read to compute the roots of these subtrees."""
    return [_rows(level, index) for span in spans for level, index in _perfect_parts(span)]


def assemble(spans: Iterable[Span], hashes: Mapping[tuple[int, int], bytes]) -> tuple[bytes, ...]:
    """The root of each subtree, from the stored hashes by (level, position); KeyError names a missing one."""
    return tuple(join_right([_part_root(part, hashes) for part in _perfect_parts(span)]) for span in spans)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Does the proof put the leaf at `index` of the tree with this size and root? (RFC 9162 2.1.3.2)"""
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
    """Does the proof show that the newer tree only appended to the older one? (RFC 9162 2.1.4.2)"""
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
    """The largest power of two smaller than size (size > 1)."""
    return 1 << (size - 1).bit_length() - 1


def _skip_missing_siblings(position: int, last: int) -> tuple[int, int]:
    """Climb past the levels where a rightmost node has no sibling and is passed up as it is."""
    while not position & 1 and position:
        position, last = position >> 1, last >> 1
    return position, last


def _perfect_parts(span: Span) -> Iterator[tuple[int, int]]:
    """The perfect subtrees, as (level, index), that a span is made of, largest first."""
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
