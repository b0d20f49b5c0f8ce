"""A rebuild from its beginning to the switch: replay, indexes, catch-up, comparison, switch.

Every phase may be interrupted: what it has reached is in the ledger, and the next rebuild of the same version
goes on from there.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg

from services.ledger.progress.generations import live_generation
from services.ledger.progress.positions import applied_positions
from services.ledger.progress.rebuilds import (
    Phase,
    add_plan,
    begin_after_replay,
    begin_progress,
    build_again,
    enter_phase,
    estimated_subjects,
    events_done,
    held_live,
    is_renormalized,
    last_retired,
    long_retired,
    missing_indexes,
    not_live,
    notify_positions,
    owner_of,
    read_plan,
    take_rebuild,
    unfinished,
)
from services.rebuild import plan
from services.rebuild.access import RebuildAccess, open_keyring, owner_connection
from services.rebuild.catch_up import CatchUp
from services.rebuild.comparison import TABLES, Comparer, Comparison, RowDifference, in_one_snapshot
from services.rebuild.generations import (
    create_generation,
    drop_generation,
    schema_of,
    show_generation,
)
from services.rebuild.tables import drop_indexes, make_index
from services.runtime.kafka.log_reader import LogReader, open_log
from services.views.generation import open_generation_pool
from services.views.version import code, definition

POLL_SECONDS: Final = 0.5
KEPT_DAYS: Final = 7
"""How long a generation can be rolled back to after it ceased to be live."""
CLOSE_RECORDS: Final = 2000
"""How far a generation may be behind when the live one is held still for it."""
INDEX_MEMORY: Final = "256MB"


class RebuildRefused(Exception):
    """A rebuild cannot go on. `advice` is the next step to take."""

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(problem)
        self.advice = advice


@dataclass(frozen=True)
class Step:
    """How far a phase is: `done` of `total` events, indexes or tables."""

    phase: Phase
    done: int
    total: int


Report = Callable[[Step], None]


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to rebuild. `rate` is the number of events per second that the replay may take, None for no limit;
    `processes` replay at once. With `renormalize`, logins are mapped again from the claims that their events
    keep; None does what was done for the live generation."""

    rate: float | None = None
    processes: int = field(default_factory=lambda: os.cpu_count() or 1)
    accept_differences: bool = False
    switch: bool = True
    renormalize: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """The result: the generation, the events of its replay and the seconds they took, and the comparison."""

    generation: int
    events: int
    replay_seconds: float
    rows: int
    differences: Sequence[RowDifference]
    is_live: bool
    renormalized: bool


async def rebuild(access: RebuildAccess, options: Options, report: Report) -> Rebuilt:
    """Fill a new generation of this version from the log, compare it with the live one and make it live.

    Goes on with a rebuild of this version that was interrupted. Raises RebuildRefused when another rebuild
    runs, when a replaying process fails, and when the generations differ; Transient when a server does not
    answer.
    """
    async with _Rebuild.open(access, report) as run:
        number = await run.begin(options.renormalize)
        renormalized = await is_renormalized(run.connection, number)
        events, seconds = await run.replay(number, options)
        await run.index(number)
        await run.position(number)
        await run.catch_up(number)
        comparison = await run.compare(number)
        if comparison.differing_parts and not options.accept_differences:
            raise _differs(number, comparison, renormalized=renormalized)
        if options.switch:
            await run.switch(number)
        return Rebuilt(
            generation=number,
            events=events,
            replay_seconds=seconds,
            rows=comparison.rows,
            differences=comparison.differences,
            is_live=options.switch,
            renormalized=renormalized,
        )


async def roll_back(access: RebuildAccess, report: Report) -> int:
    """Make the generation live that was live before, caught up with the log, and return its number.

    Raises RebuildRefused when there is none with the tables of this version, and when another rebuild runs.
    """
    async with _Rebuild.open(access, report) as run:
        found = await last_retired(run.connection)
        if found is None:
            raise RebuildRefused("there is no earlier generation", "run `vita rebuild` for a new one")
        if found.definition != definition():
            raise RebuildRefused(
                f"generation {found.number} has the tables of another version",
                "install that version, and roll back with it",
            )
        await build_again(run.connection, found.number)
        await run.catch_up(found.number)
        await run.switch(found.number)
        return found.number


async def drop_others(access: RebuildAccess) -> list[int]:
    """Drop all generations but the live one, and return their numbers. Raises RebuildRefused while a rebuild
    runs."""
    async with owner_connection(access.database_url) as connection:
        await _lock(connection)
        return await _drop(connection, await not_live(connection))


async def drop_old(connection: asyncpg.Connection, now: datetime) -> list[int]:
    """Drop the generations that have not been live for KEPT_DAYS, and return their numbers. `connection` acts
    as the owner."""
    return await _drop(connection, await long_retired(connection, now - timedelta(days=KEPT_DAYS)))


async def _drop(connection: asyncpg.Connection, numbers: Sequence[int]) -> list[int]:
    for number in numbers:
        async with connection.transaction():
            await drop_generation(connection, number)
    return list(numbers)


def _differs(number: int, comparison: Comparison, *, renormalized: bool) -> RebuildRefused:
    count = len(comparison.differences)
    shown = "; ".join(
        f"{one.table} of {one.tenant}/{one.subject or '-'}: {', '.join(one.columns) or 'row missing'}"
        for one in comparison.differences[:10]
    )
    return RebuildRefused(
        f"generation {number} differs from the live one in {count} rows or more: {shown}",
        (
            "its logins were mapped again, so this is expected: see `vita whatif`, and switch with"
            " `vita rebuild --renormalize --accept-differences`"
        )
        if renormalized
        else "find out why; `vita rebuild --accept-differences` switches nevertheless",
    )


async def _lock(connection: asyncpg.Connection) -> None:
    if not await take_rebuild(connection):
        raise RebuildRefused("another rebuild is running", "wait for it; `vita status` shows how far it is")


class _Rebuild:
    """The phases. `connection` acts as the owner and holds the lock of rebuilds."""

    def __init__(
        self, access: RebuildAccess, connection: asyncpg.Connection, log: LogReader, report: Report
    ) -> None:
        self._access, self.connection, self._log, self._report = access, connection, log, report

    @classmethod
    @asynccontextmanager
    async def open(cls, access: RebuildAccess, report: Report) -> AsyncIterator["_Rebuild"]:
        """Connect. Raises RebuildRefused when another rebuild runs, Transient when a server does not
        answer."""
        async with (
            owner_connection(access.database_url) as connection,
            open_log(access.kafka, access.topic) as log,
        ):
            await _lock(connection)
            yield cls(access, connection, log, report)

    async def begin(self, renormalize: bool | None) -> int:
        """Return the generation to fill: the one of this version that an earlier rebuild of this kind left,
        or a new one. `renormalize` of None means as in the live generation."""
        if renormalize is None:
            renormalize = await is_renormalized(self.connection, await live_generation(self.connection))
        wanted = definition(), code(), renormalize
        for left in await unfinished(self.connection):
            is_ours = (left.definition, left.code, left.renormalized) == wanted
            if is_ours and await read_plan(self.connection, left.number):
                return left.number
            async with self.connection.transaction():
                await drop_generation(self.connection, left.number)
        ends = await self._goals()
        subjects = await estimated_subjects(self.connection)
        async with self.connection.transaction():
            number = await create_generation(self.connection, renormalized=renormalize)
            await drop_indexes(self.connection, number)
            await add_plan(self.connection, number, ends, plan.buckets_for(subjects, len(ends)))
            await self._access.grant(self.connection)
        return number

    async def replay(self, number: int, options: Options) -> tuple[int, float]:
        """Replay what is missing in processes of its own. Return the events replayed now and the seconds."""
        places = await read_plan(self.connection, number)
        if not any(place.missing for place in places):
            return 0, 0.0
        begins = await self._log.begins()
        total = sum(max(0, place.end_offset - begins[place.partition]) for place in places)
        await begin_progress(self.connection, number, total)
        first = await events_done(self.connection, number)
        began = time.monotonic()
        processes = [await self._start(number, options) for _ in range(options.processes)]
        try:
            waiting = asyncio.gather(*(process.wait() for process in processes))
            while not waiting.done():
                await asyncio.wait([waiting], timeout=POLL_SECONDS)
                self._report(Step("replay", await events_done(self.connection, number), total))
        finally:
            for process in processes:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        left = sum(len(place.missing) for place in await read_plan(self.connection, number))
        if left:
            codes = sorted({process.returncode or 0 for process in processes})
            raise RebuildRefused(
                f"{left} parts of the log are not replayed: the processes ended with {codes}",
                "see their messages above, and run the command again: it goes on where it ended",
            )
        return await events_done(self.connection, number) - first, time.monotonic() - began

    async def _start(self, number: int, options: Options) -> asyncio.subprocess.Process:
        rate = [] if options.rate is None else [str(options.rate / options.processes)]
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.rebuild", str(number), *rate,
            env={**os.environ, **self._access.environment()}, stdin=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

    async def index(self, number: int) -> None:
        """Make the indexes that the replay went without, two at a time."""
        pending = list(await missing_indexes(self.connection, number))
        if not pending:
            return
        total = len(pending)
        await enter_phase(self.connection, number, "index")
        self._report(Step("index", 0, total))

        async def work() -> None:
            async with owner_connection(self._access.database_url) as connection:
                await connection.execute(f"SET maintenance_work_mem = '{INDEX_MEMORY}'")
                while pending:
                    row = pending.pop(0)
                    await make_index(connection, number, row["name"], row["statement"])
                    self._report(Step("index", total - len(pending), total))

        await asyncio.gather(work(), work())
        for table in TABLES:
            await self.connection.execute(f"ANALYZE {schema_of(number)}.{table}")

    async def position(self, number: int) -> None:
        """Store the positions up to which the replay has read, unless they are stored."""
        await begin_after_replay(self.connection, number, self._log.topic)

    async def catch_up(self, number: int) -> None:
        """Apply what the live generation has applied, until the two are close."""
        await enter_phase(self.connection, number, "catch_up")
        async with self._catching_up(number) as follower:
            await self._approach(follower)

    async def _goals(self) -> dict[int, int]:
        """The next offset of each partition in the live generation; 0 for one that was never read."""
        found = await applied_positions(self.connection, self._log.topic)
        return {one: found[one].next_offset if one in found else 0 for one in self._log.partitions}

    async def _approach(self, follower: CatchUp) -> None:
        """Catch up until the generation is close, or comes no closer because the live one is as fast."""
        closest: int | None = None
        while True:
            goals = await self._goals()
            behind = await follower.behind(goals)
            self._report(Step("catch_up", 0, behind))
            if behind <= CLOSE_RECORDS or (closest is not None and behind >= closest):
                return
            closest = behind
            await follower.up_to(goals)

    @asynccontextmanager
    async def _catching_up(self, number: int) -> AsyncIterator[CatchUp]:
        url = self._access.database_url
        keyring = await open_keyring(self.connection, self._access.key_provider)
        pool = await open_generation_pool(url, number, await owner_of(self.connection))
        try:
            yield CatchUp(pool, self._log, keyring, number)
        finally:
            await pool.close()

    async def _at_one_position(
        self, number: int, then: Callable[[asyncpg.Connection], Awaitable[None]]
    ) -> None:
        """Hold the live generation still, bring this one to the same position, and run `then` on the
        connection whose transaction holds it."""
        async with (
            self._catching_up(number) as follower,
            owner_connection(self._access.database_url) as holder,
        ):
            tolerance = CLOSE_RECORDS
            while not await self._run_held(follower, holder, tolerance, then):
                tolerance *= 2

    async def _run_held(
        self,
        follower: CatchUp,
        holder: asyncpg.Connection,
        tolerance: int,
        then: Callable[[asyncpg.Connection], Awaitable[None]],
    ) -> bool:
        """Run `then` at one position; False, without holding the live generation for long, when this one is
        further behind than `tolerance` records."""
        await self._approach(follower)
        async with held_live(holder, self._log.topic, self._log.partitions) as goals:
            if await follower.behind(goals) > tolerance:
                return False
            await follower.up_to(goals)
            ahead = await follower.positions()
            if any(ahead[one].next_offset > goal for one, goal in goals.items()):
                raise RebuildRefused(
                    "the live generation has not yet applied what the rebuild has read",
                    "start the projector, and run the command again",
                )
            await then(holder)
            return True

    async def compare(self, number: int) -> Comparison:
        """Compare the generation with the live one, table by table."""
        await enter_phase(self.connection, number, "compare")
        live = await live_generation(self.connection)
        async with AsyncExitStack() as opened:
            url = self._access.database_url
            first = await opened.enter_async_context(owner_connection(url))
            second = await opened.enter_async_context(owner_connection(url))

            async def look(_: asyncpg.Connection) -> None:
                await in_one_snapshot(first, second)

            await self._at_one_position(number, look)
            comparer = Comparer((first, second), (live, number), len(self._log.partitions))
            found: list[Comparison] = []
            for done, table in enumerate(TABLES):
                self._report(Step("compare", done, len(TABLES)))
                found.append(await comparer.compare(table))
        self._report(Step("compare", len(TABLES), len(TABLES)))
        await enter_phase(self.connection, number, "ready")
        return Comparison(
            sum(one.rows for one in found),
            sum(one.differing_parts for one in found),
            tuple(difference for one in found for difference in one.differences),
        )

    async def switch(self, number: int) -> None:
        """Make the generation live at the position of the live one, in one transaction."""

        async def exchange(holder: asyncpg.Connection) -> None:
            await show_generation(holder, number)
            await self._access.grant(holder)
            await notify_positions(holder, number, self._log.topic)

        await self._at_one_position(number, exchange)
        await drop_old(self.connection, datetime.now(UTC))
