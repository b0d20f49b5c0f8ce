"""What a replay has to do: each partition up to an offset, in parts that fit into memory."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg

from services.runtime.postgres.named_queries import load

SUBJECTS_PER_BUCKET: Final = 25_000
"""Subjects that a process folds at once: about 10 kB each, so 250 MB."""
LOCK: Final = 0x76697463
"""First key of the advisory locks of partitions; the second one is the partition."""


class PartitionPlan(NamedTuple):
    """A partition to replay up to `end_offset`, and which of its buckets are written already."""

    partition: int
    end_offset: int
    buckets: int
    written: frozenset[int]

    @property
    def missing(self) -> list[int]:
        """The buckets to replay."""
        return [bucket for bucket in range(self.buckets) if bucket not in self.written]


async def make_plan(connection: asyncpg.Connection, number: int, ends: Mapping[int, int]) -> None:
    """Store the plan of a new generation: every partition up to its offset in `ends`."""
    buckets = buckets_for(await connection.fetchval(_query("people")), len(ends))
    for partition, end in ends.items():
        await connection.execute(_query("add_partition"), number, partition, end, buckets)


def buckets_for(people: int, partitions: int) -> int:
    """Return in how many parts each partition is folded, so that each part has at most SUBJECTS_PER_BUCKET
    people."""
    return max(1, -(-people // (SUBJECTS_PER_BUCKET * max(1, partitions))))


async def read_plan(connection: asyncpg.Connection, number: int) -> list[PartitionPlan]:
    """Return the plan of a generation."""
    return [
        PartitionPlan(row["partition"], row["end_offset"], row["buckets"], frozenset(row["written"] or ()))
        for row in await connection.fetch(_query("partitions"), number)
    ]


async def bucket_written(
    connection: asyncpg.Connection,
    number: int,
    place: tuple[int, int],
    events: int,
    recorded_at: datetime | None,
) -> None:
    """Record in the caller's transaction that a (partition, bucket) is written. `recorded_at` is the broker's
    time of the partition's last record, None for an empty partition."""
    await connection.execute(_query("add_bucket"), number, *place, events, recorded_at)


async def take_partition(connection: asyncpg.Connection, partition: int) -> bool:
    """Take a partition for this session; False when another session replays it."""
    taken: bool = await connection.fetchval(_query("take_partition"), LOCK, partition)
    return taken


async def leave_partition(connection: asyncpg.Connection, partition: int) -> None:
    """Give a partition back."""
    await connection.execute(_query("leave_partition"), LOCK, partition)


async def begin_progress(connection: asyncpg.Connection, number: int, total: int) -> None:
    """Enter the replay, with the events of the parts that are written of `total` events."""
    await connection.execute(_query("begin_progress"), number, total)


async def add_progress(connection: asyncpg.Connection, number: int, events: int) -> None:
    """Count events that were folded."""
    await connection.execute(_query("add_progress"), number, events)


def _query(name: str) -> str:
    return load("services.rebuild", "plan.sql")[name]
