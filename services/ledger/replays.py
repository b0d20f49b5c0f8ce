"""Dead letters that are settled: replayed by the worker of their topic when an operator asks for it, or
dropped.

Table `ledger.dead_letter`. The worker replays requested letters one at a time, in the order of the topic.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg

from schemas.errors import InvalidEvent
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection

Outcome = Literal["replayed", "dropped", "refused"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters an operator of a tenant means: those at these places (`topic/partition/offset`), or
    all with a reason; None for any. Letters of other tenants are never among them."""

    tenant: str
    places: Sequence[str] | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RequestedLetter:
    """A dead letter whose replay is requested."""

    topic: str
    partition: int
    offset: int
    reason: str
    tenant: str | None
    recorded_at: datetime

    @property
    def name(self) -> str:
        """The place of the record, which is the key of its dead letter."""
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class ReplayState:
    """What became of a replay: `outcome` is None while the worker has not carried it out; `reason` and
    `detail` say why the record was refused."""

    name: str
    outcome: Outcome | None
    reason: str
    detail: str


async def request_replays(connection: DatabaseConnection, selection: Selection, by: str) -> list[str]:
    """Request the replay of dead letters that are not settled. Return their places."""
    return await _select(connection, "request", selection, by)


async def drop_letters(connection: DatabaseConnection, selection: Selection, by: str) -> list[str]:
    """Settle dead letters without a replay. Return their places."""
    return await _select(connection, "drop", selection, by)


async def replay_states(connection: DatabaseConnection, places: Sequence[str]) -> list[ReplayState]:
    """Return what became of the replays of these letters."""
    rows = await connection.fetch(_query("states"), list(places))
    return [ReplayState(_name(row), row["outcome"], row["reason"], row["detail"]) for row in rows]


@asynccontextmanager
async def next_requested(pool: asyncpg.Pool, topic: str) -> AsyncIterator["RequestedReplay | None"]:
    """Hold the next dead letter of a topic whose replay is requested, in a transaction; None if there is none
    or if another process replays letters of the topic."""
    async with pool.acquire() as connection, connection.transaction():
        row = None
        if await connection.fetchval(_query("lock"), topic):
            row = await connection.fetchrow(_query("next"), topic)
        if row is None:
            yield None
            return
        letter = RequestedLetter(
            row["topic"],
            row["partition"],
            row["log_offset"],
            row["reason"],
            row["tenant"],
            row["recorded_at"],
        )
        yield RequestedReplay(connection, letter)


@dataclass(frozen=True, slots=True)
class RequestedReplay:
    """A replay under way; what it comes to is stored when the transaction of `connection` ends."""

    connection: DatabaseConnection
    letter: RequestedLetter

    async def replayed(self) -> None:
        """Settle the letter: its record has taken effect."""
        await self.connection.execute(_query("replayed"), *self._place)

    async def refused(self, error: InvalidEvent) -> None:
        """Store why the record is refused still."""
        await self.connection.execute(_query("refused"), *self._place, error.reason, error.detail)

    @property
    def _place(self) -> tuple[str, int, int]:
        return self.letter.topic, self.letter.partition, self.letter.offset


async def letters_of_last_hour(connection: DatabaseConnection, topic: str) -> int:
    """Return how many dead letters of a topic were recorded within the last hour and are not settled."""
    count: int = await connection.fetchval(_query("recent"), topic)
    return count


async def _select(connection: DatabaseConnection, query: str, selection: Selection, by: str) -> list[str]:
    places = None if selection.places is None else list(selection.places)
    rows = await connection.fetch(_query(query), selection.tenant, places, selection.reason, by)
    return sorted(map(_name, rows))


def _name(row: asyncpg.Record) -> str:
    return f"{row['topic']}/{row['partition']}/{row['log_offset']}"


def _query(name: str) -> str:
    return load("services.ledger", "replays.sql")[name]
