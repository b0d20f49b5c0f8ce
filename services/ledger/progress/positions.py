"""Positions: how far each generation of the views has applied each partition of a topic.

A position moves in the transaction that writes the rows of its records. All offsets are those to be read
next.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import asyncpg

from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection

CHANNEL: Final = "vita_position"
"""The channel on which each move is notified."""
MOVED_MEANWHILE: Final = "VT001"
"""The SQLSTATE of a move that expects positions other than the stored ones."""

RETIRED: Final = "VT003"
"""The SQLSTATE of a move in a generation that is no longer live."""


class AppliedPosition(NamedTuple):
    """How far a partition is applied, and the broker's time of the last record, None before the first one."""

    next_offset: int
    recorded_at: datetime | None


class LivePosition(NamedTuple):
    """How far the live generation has applied a partition."""

    generation: int
    partition: int
    applied: AppliedPosition


class Move(NamedTuple):
    """The positions of some partitions before a batch and after it, with the broker's time of the last record
    of each."""

    expected: Mapping[int, int]
    following: Mapping[int, int]
    recorded_at: Mapping[int, datetime]


async def live_positions(connection: DatabaseConnection, topic: str) -> list[LivePosition]:
    """Return the positions of the live generation on a topic; none for a topic it has not read."""
    rows = await connection.fetch(_query("live_positions"), topic)
    return [
        LivePosition(
            row["generation"], row["partition"], AppliedPosition(row["next_offset"], row["recorded_at"])
        )
        for row in rows
    ]


async def applied_positions(connection: DatabaseConnection, topic: str) -> dict[int, AppliedPosition]:
    """Return how far the live generation has applied each partition of a topic."""
    return {row.partition: row.applied for row in await live_positions(connection, topic)}


async def read_positions(
    connection: DatabaseConnection | asyncpg.Pool, generation: int, topic: str, partitions: Collection[int]
) -> dict[int, AppliedPosition]:
    """Return how far a generation has applied these partitions; those it never read are left out."""
    rows = await connection.fetch(_query("read_positions"), generation, topic, list(partitions))
    return {row["partition"]: AppliedPosition(row["next_offset"], row["recorded_at"]) for row in rows}


async def passed_positions(connection: DatabaseConnection, generation: int, topic: str) -> dict[int, int]:
    """Return the next offset of each partition that any generation before this one has applied."""
    rows = await connection.fetch(_query("passed_positions"), topic, generation)
    return {row["partition"]: row["next_offset"] for row in rows}


async def begin_positions(
    connection: DatabaseConnection, generation: int, topic: str, partitions: Collection[int]
) -> None:
    """Set those of these partitions that the generation never read to the beginning."""
    await connection.execute(_query("begin_positions"), generation, topic, list(partitions))


async def hold_position(connection: DatabaseConnection, generation: int, topic: str, partition: int) -> int:
    """Hold the position of a partition until the caller's transaction ends, and return it."""
    found = await connection.fetchval(_query("hold_position"), generation, topic, partition)
    return 0 if found is None else int(found)


def advance(generation: int, topic: str, move: Move) -> tuple[str, tuple[Any, ...]]:
    """Return the statement, with its arguments, that moves positions and notifies `CHANNEL` at the commit.

    It is the main query of the statement that writes the rows. It fails with the SQLSTATE `MOVED_MEANWHILE`
    unless every partition is where the move expects it, and with `RETIRED` when the generation is retired.
    """
    partitions = sorted(move.following)
    return _query("advance"), (
        generation, topic, partitions, [move.expected[one] for one in partitions],
        [move.following[one] for one in partitions], [move.recorded_at[one] for one in partitions],
        CHANNEL, notification(generation, move.following),
    )  # fmt: skip


def notification(generation: int, next_offsets: Mapping[int, int]) -> str:
    """Return the text that a move of these positions sends on the channel."""
    pairs = (f"{partition}:{offset}" for partition, offset in next_offsets.items())
    return " ".join([str(generation), *pairs])


def _query(name: str) -> str:
    return load("services.ledger.progress", "positions.sql")[name]
