"""Waits for the projector, which notifies at each commit (LISTEN/NOTIFY instead of polling)."""

import asyncio
import secrets
import time
from collections import defaultdict
from contextlib import suppress

import asyncpg

from schemas.formats.positions import Position
from services.ledger.progress.positions import CHANNEL, live_positions
from services.runtime.metrics.catalogue import VIEW_WAIT_SECONDS
from services.runtime.metrics.meters import observe
from services.runtime.periodic import FailurePolicy, Periodic
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection, database_failures


class PositionWatch:
    """Follows the positions of the live generation, and wakes the tasks that wait for one."""

    def __init__(self, database_url: str, topic: str, policy: FailurePolicy) -> None:
        self._url = database_url
        self.topic = topic
        self.generation = 0
        self.holder = secrets.randbits(62)
        """A number on which this process holds a shared advisory lock while it is connected."""
        self._next: dict[int, int] = {}
        self._waiting: defaultdict[int, set[asyncio.Event]] = defaultdict(set)
        self._connection: DatabaseConnection | None = None
        self._lost: asyncio.Future[None] | None = None
        """Done when the connection is lost; fails with what made it useless."""
        self._keeping = Periodic("position_watch", self._keep, 0, policy)

    @classmethod
    async def open(cls, database_url: str, topic: str, policy: FailurePolicy) -> "PositionWatch":
        """Connects and reads the positions. `policy` learns of failures of the watch that will not pass by
        themselves: without it every position seems to be missing from the views. Raises Transient."""
        watch = cls(database_url, topic, policy)
        await watch._connect()
        watch._keeping.start()
        return watch

    async def close(self) -> None:
        """Disconnect; tasks that still wait run into their timeouts."""
        await self._keeping.stop()
        self._disconnect()

    def covers(self, position: Position) -> bool:
        """Whether the views show this position already."""
        return self._next.get(position.partition, 0) > position.offset

    async def wait_for(self, position: Position, timeout_seconds: float) -> bool:
        """True once the views show the position, False when they did not in time."""
        begin = time.perf_counter()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while not self.covers(position):
                    await self._moved(position.partition)
        visible = self.covers(position)
        observe(VIEW_WAIT_SECONDS, time.perf_counter() - begin, "visible" if visible else "late")
        return visible

    async def _moved(self, partition: int) -> None:
        event = asyncio.Event()
        self._waiting[partition].add(event)
        try:
            await event.wait()
        finally:
            self._waiting[partition].discard(event)

    async def _keep(self) -> None:
        """One round: connect again, or else wait until the connection is lost. Raises Transient."""
        if self._lost is None:
            await self._connect()
            return
        try:
            await self._lost
        finally:
            self._disconnect()

    async def _connect(self) -> None:
        self._disconnect()
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def ended(_connection: object) -> None:
            if not lost.done():
                lost.set_result(None)

        def heard(_connection: object, _pid: int, _channel: str, payload: object) -> None:
            try:
                self._heard(str(payload))
            except Exception as error:
                if not lost.done():
                    lost.set_exception(error)

        with database_failures():
            self._connection = connection = await asyncpg.connect(
                self._url, server_settings={"application_name": "vita position watch"}
            )
            connection.add_termination_listener(ended)
            await connection.execute(_query("hold"), self.holder)
            await connection.add_listener(CHANNEL, heard)
            positions = await live_positions(connection, self.topic)
        for position in positions:
            self._follow(position.generation)
            self._advance(position.partition, position.applied.next_offset)
        self._lost = lost

    def _disconnect(self) -> None:
        connection, self._connection, self._lost = self._connection, None, None
        if connection is not None:
            connection.terminate()

    def _heard(self, payload: str) -> None:
        """Take a notification in. Raises ValueError for one that the projector does not write."""
        generation, *pairs = payload.split(" ")
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


def _query(name: str) -> str:
    return load("services.ledger.progress", "position_watch.sql")[name]
