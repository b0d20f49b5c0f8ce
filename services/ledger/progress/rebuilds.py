"""Rebuilds of the views: the generations they make, their plans, and their progress. Everything here runs as
the owner of the ledger."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final, Literal, NamedTuple

import asyncpg

from services.ledger.progress.positions import CHANNEL, begin_positions, notification, read_positions
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection

Phase = Literal["replay", "index", "catch_up", "compare", "ready"]
REBUILD_LOCK: Final = 0x76697464
"""Advisory lock of the one rebuild that an installation may have at a time."""
PARTITION_LOCK: Final = 0x76697463
"""First key of the advisory locks of partitions; the second one is the partition."""
HOLD_SECONDS: Final = 10


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


class Built(NamedTuple):
    """A generation, the hashes of the tables and of the code that made it, and whether its logins were mapped
    again."""

    number: int
    definition: str | None
    code: str | None
    renormalized: bool


async def take_rebuild(connection: DatabaseConnection) -> bool:
    """Take the right to rebuild for this session; False when another session has it."""
    taken: bool = await connection.fetchval(_query("take_rebuild"), REBUILD_LOCK)
    return taken


async def owner_of(connection: DatabaseConnection) -> str:
    """Return the name of the ledger's owner, quoted as an identifier."""
    name: str = await connection.fetchval(_query("owner"))
    return name


async def add_generation(
    connection: DatabaseConnection, definition: str, code: str, *, renormalized: bool
) -> int:
    """Add the next generation, which is being built, and return its number."""
    number: int = await connection.fetchval(_query("add_generation"), definition, code, renormalized)
    return number


async def is_renormalized(connection: DatabaseConnection, number: int) -> bool:
    """Return whether the logins of a generation were mapped again."""
    found: bool = await connection.fetchval(_query("is_renormalized"), number)
    return found


async def unfinished(connection: DatabaseConnection) -> list[Built]:
    """Return the generations that rebuilds have not finished, the oldest first."""
    return [Built(*row) for row in await connection.fetch(_query("building"))]


async def last_retired(connection: DatabaseConnection) -> Built | None:
    """Return the generation that was live before the live one, None if there is none."""
    row = await connection.fetchrow(_query("last_retired"))
    return None if row is None else Built(*row)


async def not_live(connection: DatabaseConnection) -> list[int]:
    """Return the generations that are not live."""
    return [row["number"] for row in await connection.fetch(_query("not_live"))]


async def long_retired(connection: DatabaseConnection, before: datetime) -> list[int]:
    """Return the generations that ceased to be live before this time."""
    return [row["number"] for row in await connection.fetch(_query("long_retired"), before)]


async def live_definition(connection: DatabaseConnection) -> str | None:
    """Return the hash of the table definitions of the live generation, None if there is none."""
    found: str | None = await connection.fetchval(_query("live_definition"))
    return found


async def make_live(connection: DatabaseConnection, number: int) -> bool:
    """Make a generation live and retire the one that is; return whether both have the same tables."""
    before = await live_definition(connection)
    await connection.execute(_query("retire_live"))
    await connection.execute(_query("make_live"), number)
    after = await connection.fetchval(_query("generation_definition"), number)
    return before in (None, after)


async def build_again(connection: DatabaseConnection, number: int) -> None:
    """Let a retired generation apply events again."""
    await connection.execute(_query("build_again"), number)


async def forget_generation(connection: DatabaseConnection, number: int) -> None:
    """Delete the row of a generation that is not live, with its positions and its plan."""
    await connection.execute(_query("forget_generation"), number)


@asynccontextmanager
async def held_live(
    connection: DatabaseConnection, topic: str, partitions: Collection[int]
) -> AsyncIterator[dict[int, int]]:
    """Begin a transaction in which no projector can commit to the live generation; the next offset of each of
    its partitions.

    Raises asyncpg.LockNotAvailableError when a projector's transaction does not end within HOLD_SECONDS.
    """
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = '{HOLD_SECONDS}s'")
        number: int = await connection.fetchval(_query("hold_live"))
        await begin_positions(connection, number, topic, partitions)
        await connection.execute(_query("hold_positions"), number, topic)
        held = await read_positions(connection, number, topic, partitions)
        yield {partition: place.next_offset for partition, place in held.items()}


async def notify_positions(connection: DatabaseConnection, number: int, topic: str) -> None:
    """Notify the waiting processes, at the commit, of all positions of a generation."""
    rows = await connection.fetch(_query("next_offsets"), number, topic)
    text = notification(number, {row["partition"]: row["next_offset"] for row in rows})
    await connection.execute(_query("notify"), CHANNEL, text)


async def enter_phase(connection: DatabaseConnection, number: int, phase: Phase) -> None:
    """Record what a rebuild does now."""
    await connection.execute(_query("enter_phase"), number, phase)


async def begin_progress(connection: DatabaseConnection, number: int, total: int) -> None:
    """Enter the replay of `total` events; those of written parts count as done."""
    await connection.execute(_query("begin_progress"), number, total)


async def add_progress(connection: DatabaseConnection, number: int, events: int) -> None:
    """Count events that were folded."""
    await connection.execute(_query("add_progress"), number, events)


async def events_done(connection: DatabaseConnection, number: int) -> int:
    """Return how many events a rebuild has folded."""
    done: int = await connection.fetchval(_query("events_done"), number)
    return done


async def add_plan(
    connection: DatabaseConnection, number: int, ends: Mapping[int, int], buckets: int
) -> None:
    """Plan to replay each partition up to its offset in `ends`, in this many parts."""
    for partition, end in ends.items():
        await connection.execute(_query("add_partition"), number, partition, end, buckets)


async def read_plan(connection: DatabaseConnection, number: int) -> list[PartitionPlan]:
    """Return the plan of a generation, empty if it has none."""
    return [
        PartitionPlan(row["partition"], row["end_offset"], row["buckets"], frozenset(row["written"] or ()))
        for row in await connection.fetch(_query("partitions"), number)
    ]


async def estimated_subjects(connection: DatabaseConnection) -> int:
    """Return about how many subjects there are; 0 when no statistics were gathered."""
    count: int = await connection.fetchval(_query("subjects"))
    return count


async def take_partition(connection: DatabaseConnection, partition: int) -> bool:
    """Take a partition for this session; False when another session replays it."""
    taken: bool = await connection.fetchval(_query("take_partition"), PARTITION_LOCK, partition)
    return taken


async def leave_partition(connection: DatabaseConnection, partition: int) -> None:
    """Give a partition back."""
    await connection.execute(_query("leave_partition"), PARTITION_LOCK, partition)


async def bucket_written(
    connection: DatabaseConnection,
    number: int,
    place: tuple[int, int],
    events: int,
    recorded_at: datetime | None,
) -> None:
    """Record in the caller's transaction that a (partition, bucket) is written. `recorded_at` is the broker's
    time of the partition's last record, None for an empty partition."""
    await connection.execute(_query("add_bucket"), number, *place, events, recorded_at)


async def begin_after_replay(connection: DatabaseConnection, number: int, topic: str) -> None:
    """Set the positions of a generation to where its replay ends, unless they are set."""
    await connection.execute(_query("begin_after_replay"), number, topic)


async def add_index(connection: DatabaseConnection, number: int, name: str, statement: str) -> None:
    """Record an index that a generation goes without, and the statement that makes it."""
    await connection.execute(_query("add_index"), number, name, statement)


async def missing_indexes(connection: DatabaseConnection, number: int) -> Sequence[asyncpg.Record]:
    """Return `name` and `statement` of the indexes that a generation lacks, the longest work first."""
    return await connection.fetch(_query("missing_indexes"), number)


async def forget_index(connection: DatabaseConnection, number: int, name: str) -> None:
    """Record in the caller's transaction that an index was made again."""
    await connection.execute(_query("forget_index"), number, name)


def _query(name: str) -> str:
    return load("services.ledger.progress", "rebuilds.sql")[name]
