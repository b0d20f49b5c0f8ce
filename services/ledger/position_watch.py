"""Waiting for the projector: it notifies at each commit, so nobody polls."""

import asyncio
import secrets
from collections import defaultdict
from contextlib import suppress

import asyncpg
import structlog

from schemas.errors import Transient
from schemas.formats.positions import Position
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import database_failures

CHANNEL = "vita_position"
_log = structlog.get_logger()


def notification(generation: int, next_offsets: dict[int, int]) -> str:
    """What the projector says on the channel."""
    return " ".join(
        [str(generation), *(f"{partition}:{offset}" for partition, offset in next_offsets.items())]
    )


class PositionWatch:
    """Knows how far the live generation has come, and wakes whoever waits for a position."""

    def __init__(self, database_url: str, topic: str) -> None:
        self._url = database_url
        self.topic = topic
        self.generation = 0
        self.holder = secrets.randbits(62)
        """A number on which this process holds a shared advisory lock while it is connected."""
        self._next: dict[int, int] = {}
        self._waiting: defaultdict[int, set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()

    @classmethod
    async def open(cls, database_url: str, topic: str) -> "PositionWatch":
        """Connects and reads the positions. Raises Transient."""
        watch = cls(database_url, topic)
        connection = await watch._connect()
        watch._task = asyncio.create_task(watch._keep(connection))
        return watch

    async def close(self) -> None:
        """Disconnects; whoever waits runs into its timeout."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def covers(self, position: Position) -> bool:
        """Whether the views show this position already."""
        return self._next.get(position.partition, 0) > position.offset

    async def wait_for(self, position: Position, timeout_seconds: float) -> bool:
        """True once the views show the position, False when they did not in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while not self.covers(position):
                    await self._moved(position.partition)
        return self.covers(position)

    async def _moved(self, partition: int) -> None:
        event = asyncio.Event()
        self._waiting[partition].add(event)
        try:
            await event.wait()
        finally:
            self._waiting[partition].discard(event)

    async def _keep(self, connection: asyncpg.Connection | None) -> None:
        try:
            while True:
                if connection is None:
                    try:
                        connection = await self._connect()
                    except Transient as error:
                        _log.warning("position_watch_down", error=str(error))
                        await asyncio.sleep(0.5)
                        continue
                await self._lost.wait()
                connection = None
        finally:
            if connection is not None:
                connection.terminate()

    async def _connect(self) -> asyncpg.Connection:
        self._lost.clear()
        with database_failures():
            connection = await asyncpg.connect(
                self._url, server_settings={"application_name": "vita position watch"}
            )
            connection.add_termination_listener(lambda _: self._lost.set())
            await connection.execute(load("services.ledger", "position_watch.sql")["hold"], self.holder)
            await connection.add_listener(CHANNEL, self._heard)
            rows = await connection.fetch(
                load("services.ledger", "position_watch.sql")["live_positions"], self.topic
            )
        for row in rows:
            self._follow(row["generation"])
            self._advance(row["partition"], row["next_offset"])
        return connection

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        generation, *pairs = str(payload).split(" ")
        if int(generation) < self.generation:
            return
        self._follow(int(generation))
        for pair in pairs:
            position = Position.parse(pair)
            self._advance(position.partition, position.offset)

    def _follow(self, generation: int) -> None:
        """A newer generation begins from the beginning."""
        if generation != self.generation:
            self._next.clear()
        self.generation = generation

    def _advance(self, partition: int, next_offset: int) -> None:
        self._next[partition] = max(next_offset, self._next.get(partition, 0))
        for event in self._waiting[partition]:
            event.set()
