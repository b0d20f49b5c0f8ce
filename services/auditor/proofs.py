"""Proofs from the stored trail, in two round trips; `projections.trail.proofs` checks them anywhere."""

from dataclasses import dataclass
from typing import Any

from projections.trail.proofs import Span, assemble, consistency_spans, inclusion_spans, stored_rows
from services.auditor.trail import query


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """Shows the leaf at `index` to be in its partition's tree of `size` leaves."""

    partition: int
    index: int
    size: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """Shows a partition's tree of `new_size` leaves to continue the one of `old_size`."""

    partition: int
    old_size: int
    new_size: int
    path: tuple[bytes, ...]


class MissingHash(LookupError):
    """The trail lacks a hash that the proof needs: the tree is smaller, or a row was taken away."""


async def inclusion_proof(connection: Any, partition: int, index: int, size: int) -> InclusionProof:
    """The proof for a leaf; ValueError when the tree of that size has no such leaf."""
    path = await _hashes(connection, partition, inclusion_spans(index, size))
    return InclusionProof(partition, index, size, path)


async def consistency_proof(
    connection: Any, partition: int, old_size: int, new_size: int
) -> ConsistencyProof:
    """The proof that nothing but appending happened between two sizes."""
    path = await _hashes(connection, partition, consistency_spans(old_size, new_size))
    return ConsistencyProof(partition, old_size, new_size, path)


async def _hashes(connection: Any, partition: int, spans: list[Span]) -> tuple[bytes, ...]:
    rows = stored_rows(spans)
    leaves = [row for row in rows if row.level == 0]
    nodes = [row for row in rows if row.level]
    found: dict[tuple[int, int], bytes] = {}
    if leaves:
        _, first, past = zip(*leaves, strict=True)
        for index, hash_ in await connection.fetch(query("leaf_hashes"), partition, first, past):
            found[0, index] = hash_
    if nodes:
        level, first, past = zip(*nodes, strict=True)
        for level_, index, hash_ in await connection.fetch(
            query("node_hashes"), partition, level, first, past
        ):
            found[level_, index] = hash_
    try:
        return assemble(spans, found)
    except KeyError as error:
        raise MissingHash(f"partition {partition} has no hash at level and index {error}") from error
