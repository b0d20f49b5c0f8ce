"""A process that replays partitions: reads the log, folds stretches of it in memory, and copies the rows.

A bucket's rows and the record that they are written are one transaction, so a process that is killed leaves
nothing half written, and the next one begins with the buckets that are missing.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
from pydantic import Field

from projections.fold_view import Owner, Write
from projections.logged import Logged
from schemas.sealing.keys import Keyring, SubjectKeys
from schemas.topics import Topic
from services.ledger.keys.subject_keys import read_keys
from services.ledger.progress.rebuilds import (
    PartitionPlan,
    add_progress,
    bucket_written,
    is_renormalized,
    leave_partition,
    read_plan,
    take_partition,
)
from services.rebuild.access import open_keyring, owner_connection
from services.rebuild.copying import CopyBuffer
from services.rebuild.generations import schema_of
from services.rebuild.remapping import LoginRemapper
from services.rebuild.spill import Spill
from services.rebuild.stretch import CROSSING_VIEWS, Stretch
from services.rebuild.tables import Target, copy_target, deletes_copied
from services.runtime.kafka.log_reader import CHUNK_RECORDS, LogReader, open_log
from services.runtime.postgres.named_queries import load
from services.runtime.settings import RuntimeSettings
from services.views.clock import Latest, stamp
from services.views.opening import open_records, read_records
from services.views.statement_batches import execute, statement
from services.views.store import columns

BATCH: Final = 2000
"""Events folded at once."""
REPORT_SECONDS: Final = 0.5


class Settings(RuntimeSettings):
    """A replaying process has the administrator's database URL."""

    token_issuer: str = Field(
        "http://127.0.0.1:8080/", description="`iss` of tokens: the public URL of management."
    )


@dataclass
class Throttle:
    """Holds a process to a number of events per second; None sets no limit."""

    per_second: float | None
    _began: float = field(default_factory=time.monotonic)
    _count: int = 0

    async def took(self, count: int) -> None:
        """Wait until so many more events fit the rate."""
        if self.per_second is not None:
            self._count += count
            await asyncio.sleep(max(0.0, self._began + self._count / self.per_second - time.monotonic()))


class Progress:
    """Counts folded events in the ledger, for everybody to see, outside of the transactions of rows."""

    def __init__(self, connection: asyncpg.Connection, number: int, throttle: Throttle) -> None:
        self._connection, self._number, self._throttle = connection, number, throttle
        self._pending, self._reported_at = 0, time.monotonic()

    async def took(self, events: int) -> None:
        """Count events."""
        self._pending += events
        await self._throttle.took(events)
        if time.monotonic() - self._reported_at > REPORT_SECONDS:
            await self.report()

    async def report(self) -> None:
        """Store what was counted."""
        pending, self._pending = self._pending, 0
        self._reported_at = time.monotonic()
        if pending:
            await add_progress(self._connection, self._number, pending)


class Replayer:
    """Replays partitions of the log into a generation, one after the other."""

    def __init__(
        self,
        connection: asyncpg.Connection,
        log: LogReader,
        keyring: Keyring,
        number: int,
        progress: Progress,
        remapper: LoginRemapper | None = None,
    ) -> None:
        """`connection` acts as the owner of the tables. With a `remapper`, logins are mapped again."""
        self._connection, self._log, self._keyring = connection, log, keyring
        self._number, self._progress, self._remapper = number, progress, remapper

    async def replay_all(self) -> None:
        """Replay the missing buckets of every partition that no other process replays. Raises Transient."""
        await self._connection.execute(f"SET search_path = {schema_of(self._number)}")
        for place in await read_plan(self._connection, self._number):
            if place.missing and await take_partition(self._connection, place.partition):
                try:
                    plans = await read_plan(self._connection, self._number)
                    current = next(plan for plan in plans if plan.partition == place.partition)
                    if current.missing:
                        await self._replay(current)
                finally:
                    await leave_partition(self._connection, place.partition)

    async def _replay(self, plan: PartitionPlan) -> None:
        latest: Latest = {}
        if plan.buckets == 1:
            await self._write(plan, 0, self._batches(plan, latest), latest)
            return
        with tempfile.TemporaryDirectory(prefix="vita-rebuild-") as folder:
            spill = Spill(Path(folder), plan.partition, plan.missing, plan.buckets)
            async for records in self._batches(plan, latest):
                spill.add(records, stamp(records, latest))
            spill.close()
            for bucket in plan.missing:
                await self._write(plan, bucket, _again(spill.read(bucket, BATCH)), latest)
                spill.remove(bucket)

    async def _batches(self, plan: PartitionPlan, latest: Latest) -> AsyncIterator[Sequence[Any]]:
        """The records of a partition below the planned end."""
        await self._log.go_to(plan.partition)
        while records := await self._log.records(plan.end_offset, min(BATCH, CHUNK_RECORDS)):
            yield records

    async def _write(
        self, plan: PartitionPlan, bucket: int, batches: AsyncIterator[Sequence[Any]], latest: Latest
    ) -> None:
        """Fold a bucket and write its rows in one transaction. `latest` has the time of the partition's last
        record when the batches end."""
        own: Latest = {} if plan.buckets > 1 else latest
        async with self._connection.transaction():
            rows = _Rows(self._connection, schema_of(self._number))
            stretch, keys, events = Stretch(), dict[Owner, SubjectKeys](), 0
            async for records in batches:
                logged = await self._opened(records, keys, own)
                if plan.buckets > 1:
                    await self._read_crossing(stretch, logged)
                await rows.write(stretch.take(logged))
                events += len(records)
                await self._progress.took(len(records))
            for write in stretch.finish(keys):
                await rows.write([write])
            await rows.flush()
            recorded_at: datetime | None = latest.get(plan.partition)
            await bucket_written(
                self._connection, self._number, (plan.partition, bucket), events, recorded_at
            )
        await self._progress.report()

    async def _opened(
        self, records: Sequence[Any], keys: dict[Owner, SubjectKeys], latest: Latest
    ) -> list[Logged]:
        """Open records. What is refused is in the dead letters already."""
        read, _ = read_records(records, len(self._log.partitions), latest)
        if unknown := {one.owner for one in read} - keys.keys():
            keys |= await read_keys(self._connection, self._keyring, unknown)
        logged = [one for one in await open_records(read, keys, {}) if isinstance(one, Logged)]
        return logged if self._remapper is None else await self._remapper.remapped(logged)

    async def _read_crossing(self, stretch: Stretch, logged: Sequence[Logged]) -> None:
        """Read the states that earlier buckets of the partition may have written, too."""
        for view in CROSSING_VIEWS:
            states = stretch.known(view)
            wanted = sorted(view.touches(logged, ()) - states.keys())
            if wanted and view.read is not None:
                text = load(f"projections.{view.name}")[view.read]
                states.update(view.states(await self._connection.fetch(text, *columns(wanted)), {}))


class _Rows:
    """The rows of a transaction: copied where the table takes that, written by statements elsewhere."""

    def __init__(self, connection: asyncpg.Connection, schema: str) -> None:
        self._connection, self._schema = connection, schema
        self._buffers: dict[Target, CopyBuffer] = {}

    async def write(self, writes: Sequence[Write]) -> None:
        """Write rows, in order."""
        for write in writes:
            target = copy_target(write)
            if target is not None:
                buffer = self._buffers.get(target)
                if buffer is None:
                    buffer = self._buffers[target] = CopyBuffer(self._schema, target)
                buffer.add(write.rows)
                if buffer.is_full:
                    await buffer.flush(self._connection)
            elif not deletes_copied(write):
                await execute(self._connection, [statement(write)])

    async def flush(self) -> None:
        """Send what is still here."""
        for buffer in self._buffers.values():
            await buffer.flush(self._connection)


async def _again(batches: Any) -> AsyncIterator[Sequence[Any]]:
    for batch in batches:
        yield batch


@asynccontextmanager
async def open_replayer(settings: Settings, number: int, rate: float | None) -> AsyncIterator[Replayer]:
    """Open a replayer of a generation. `rate` is the number of events per second that this process may take,
    None for no limit. Raises Transient."""
    url = settings.database_url.get_secret_value()
    async with (
        owner_connection(url) as connection,
        owner_connection(url) as reporting,
        open_log(settings.kafka, settings.topic(Topic.PROFILE_EVENTS)) as log,
    ):
        keyring = await open_keyring(connection, settings.key_provider)
        progress = Progress(reporting, number, Throttle(rate))
        remaps = await is_renormalized(connection, number)
        remapper = LoginRemapper(connection, settings.token_issuer) if remaps else None
        yield Replayer(connection, log, keyring, number, progress, remapper)
