"""Reads proofs from the stored trail in two round trips; `projections.trail.proofs` verifies them
anywhere."""

from dataclasses import dataclass

from projections.trail.proofs import Span, assemble, consistency_spans, inclusion_spans, stored_rows
from services.auditor.trail import query
from services.runtime.postgres.pool import DatabaseConnection


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """Proves that the leaf at `index` is in its partition's tree of `size` leaves."""

    partition: int
    index: int
    size: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """Proves that a partition's tree of `new_size` leaves continues the tree of `old_size` leaves."""

    partition: int
    old_size: int
    new_size: int
    path: tuple[bytes, ...]


class MissingHash(LookupError):
    """The trail lacks a hash that the proof needs: the tree is smaller, or a row was removed."""


async def inclusion_proof(
    connection: DatabaseConnection, partition: int, index: int, size: int
) -> InclusionProof:
    """Return the proof for a leaf.

    Raises ValueError when a tree of that size has no such leaf, and MissingHash when the trail lacks a
    hash.
    """
    path = await _hashes(connection, partition, inclusion_spans(index, size))
    return InclusionProof(partition, index, size, path)


async def consistency_proof(
    connection: DatabaseConnection, partition: int, old_size: int, new_size: int
) -> ConsistencyProof:
    """Return the proof that a tree was only appended to between two sizes.

    Raises ValueError when the sizes are not in order, and MissingHash when the trail lacks a hash.
    """
    path = await _hashes(connection, partition, consistency_spans(old_size, new_size))
    return ConsistencyProof(partition, old_size, new_size, path)


async def _hashes(connection: DatabaseConnection, partition: int, spans: list[Span]) -> tuple[bytes, ...]:
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
