"""The loop that every worker runs: reads batches from one topic, applies them and acknowledges them.

FastStream owns the lifespan of the broker and the subscription. The loop takes unparsed records from its
Kafka consumer and handles all errors itself. A batch has one of these outcomes:

- It is applied and acknowledged.
- It fails with Transient and is retried with backoff until it succeeds.
- It fails with Fenced, because another instance owns the partition now.
- It fails with an unknown error and is split until the record at fault is alone and quarantined.

An error that no record causes ends the process with the batch unacknowledged. A worker that makes no progress
while records wait ends too.
"""

import asyncio
import faulthandler
import gc
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError
from faststream import FastStream

from schemas.errors import InvalidEvent, Transient
from services.runtime.background import start_task
from services.runtime.kafka.log_reader import partitions_of
from services.runtime.metrics.catalogue import BATCH_SIZE, RETRIES
from services.runtime.metrics.exposition import read_by
from services.runtime.metrics.meters import count, observe
from services.runtime.periodic import EndProcess
from services.runtime.worker.consumer import Consumer, Fenced, State, WorkerHeartbeat
from services.runtime.worker.intake import Found, Intake, Source, WorkerFailed, place_of
from services.runtime.worker.isolation import Isolation
from services.runtime.worker.lag import Lag
from services.runtime.worker.positions import Positions
from services.runtime.worker.retries import Retries
from services.runtime.worker.side_track import SideTrack
from services.runtime.worker.subscription import subscription
from services.runtime.worker.watchdog import Watchdog, limit_exit

_log = structlog.get_logger()

DRAIN_SECONDS: Final = 20.0
HANDOVER_SECONDS: Final = 3.0
EXIT_SECONDS: Final = 45.0
"""A failed worker that does not finish its shutdown within this time is terminated."""
IDLE_SECONDS: Final = 1.0
"""Minimum interval between checks for offsets without records while no records arrive."""


class Worker:
    """A FastStream application with one subscription."""

    def __init__(self, source: Source, consumer: Consumer) -> None:
        self._source = source
        self._consumer = consumer
        self._heartbeat: WorkerHeartbeat | None = None
        self._stopping = asyncio.Event()
        self._at_work = asyncio.Lock()
        self._fatal: BaseException | None = None
        self._ends_as: tuple[State, str] = "failed", ""
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._under_way: Sequence[ConsumerRecord] = ()
        self._looked_at = 0.0
        self._has_joined = False
        self._intake = Intake(source)
        self._lag = Lag(self._intake)
        self._retries = Retries(source.group, self._stopping, self._report)
        self._positions = Positions(source, consumer, self._intake, self._retries)
        self._isolation = Isolation(self._applied, self._positions.remaining, self._quarantined, self._done)
        self._aside = SideTrack(self._intake, source.large_bytes, self._isolation.bring_to_an_end, self._fail)
        self._watchdog = Watchdog(source.watchdog_seconds, self._why_stuck, self._broker_answers)
        self._broker, self._subscriber = subscription(source, DRAIN_SECONDS, self.take_on, self.finish_batch)

    @property
    def consumer(self) -> AIOKafkaConsumer:
        """The running Kafka consumer. Raises RuntimeError if the worker is not running."""
        consumer = self._subscriber.consumer
        if consumer is None:
            raise RuntimeError("the worker is not running")
        return consumer

    async def run(self) -> None:
        """Run until SIGTERM, SIGINT or an error that no record causes. Raises WorkerFailed."""
        self._app = FastStream(
            self._broker, logger=None, after_startup=[self._begin], on_shutdown=[self._drain]
        )
        await self._retries.until_done(self._start_consumer, "not_ready")
        await self._retries.until_done(self._reach_broker, "not_ready")
        _collect_garbage_rarely()
        try:
            if self._fatal is None:
                with read_by(self._read_lag):
                    await self._app.run()
        finally:
            await self._end()
        if isinstance(self._fatal, WorkerFailed):
            raise self._fatal
        if self._fatal is not None:
            raise WorkerFailed(f"{type(self._fatal).__name__}: see the log") from None

    async def obstacle(self) -> str | None:
        """Return why the worker cannot do its work, without personal data; None when it can. An instance that
        has been assigned no partition is ready to take over others'."""
        if self._fatal is not None:
            return f"it is {self._ends_as[0]}: {self._ends_as[1]}"
        if self._stopping.is_set():
            return "it is stopping"
        if self._heartbeat is None:
            return "it is starting"
        return self._heartbeat.obstacle() or (
            None if self._has_joined else "it has not been assigned partitions yet"
        )

    async def _begin(self) -> None:
        self._intake.attach(self.consumer)
        self._tasks = start_task(self._consume()), start_task(self._watch())

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._aside.cancel()
        if self._fatal is not None:
            limit_exit(EXIT_SECONDS)
            await self._beat.ends(*self._ends_as)
        await self._consumer.stop()
        faulthandler.cancel_dump_traceback_later()

    async def _drain(self) -> None:
        """Finish the current batch before the broker disconnects, within a time limit."""
        self._stopping.set()
        limit = HANDOVER_SECONDS if self._fatal is not None else DRAIN_SECONDS
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                if self._tasks:
                    await asyncio.wait(self._tasks[:1])
                await self._aside.finished()
        await self.finish_batch()

    async def take_on(self, assigned: Collection[TopicPartition]) -> None:
        """Hold newly assigned partitions until their stored positions are known; the Kafka consumer would
        start at Kafka's committed offsets or where the reset policy says."""
        self._intake.attach(self.consumer)
        self._intake.hold(assigned)
        try:
            await self._retries.until_done(
                lambda: self._positions.seek_to_stored(assigned), "positions_unreadable"
            )
        except Exception as error:
            self._fail(error)
        else:
            self._has_joined = True

    async def _start_consumer(self) -> None:
        self._heartbeat = await self._consumer.start(EndProcess(self._loop_failed))

    async def _reach_broker(self) -> None:
        """FastStream gives up on a broker that does not answer when it starts. Raises Transient."""
        with suppress(LookupError):
            await partitions_of(self._source.kafka, self._source.topic)

    async def _consume(self) -> None:
        try:
            while self._goes_on():
                await self._retries.until_done(self._take, "fetch_retried")
        except ConsumerStoppedError:
            return
        except Exception as error:
            self._fail(error)

    def _goes_on(self) -> bool:
        return self._fatal is None and not self._stopping.is_set()

    async def _take(self) -> None:
        found = await self._intake.fetch()
        if not found:
            await self._idle()
            return
        async with self._at_work:
            if self._goes_on():
                await self._bring_to_an_end(found)

    async def _idle(self) -> None:
        """Advance past offsets without records."""
        now = time.monotonic()
        if now - self._looked_at < IDLE_SECONDS:
            return
        self._looked_at = now
        if moved := await self._intake.pass_markers():
            self._positions.moved(moved)
            await self._positions.commit()

    async def finish_batch(self) -> None:
        """Wait for the current batch before its partitions are handed over. A batch that takes too long is
        fenced when it commits."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HANDOVER_SECONDS), self._at_work:
                await self._aside.finished()
                await self._positions.commit()

    async def _bring_to_an_end(self, found: Found) -> None:
        self._under_way = records = self._aside.take(await self._intake.complete(found))
        self._progressed()
        try:
            if records:
                await self._isolation.bring_to_an_end(records)
        finally:
            self._under_way = ()

    def _progressed(self) -> None:
        """Report progress, unless a partition that is set aside is stuck."""
        if not self._aside.is_late(self._source.watchdog_seconds):
            self._watchdog.progressed()

    def _fail(self, error: Exception, state: State = "failed") -> None:
        if self._fatal is not None:
            return
        self._fatal = error
        text = str(error) if isinstance(error, WorkerFailed) else f"{type(error).__name__}: see the log"
        self._ends_as = state, text
        self._app.exit()
        limit_exit(EXIT_SECONDS)
        _log.error(
            "worker_failed", group=self._source.group, error=type(error).__name__,
            reason=text, exc_info=error,
        )  # fmt: skip

    def _loop_failed(self, loop: str, error: Exception) -> None:
        self._fail(WorkerFailed(f"the background loop {loop} failed: {type(error).__name__}, see the log"))

    async def _watch(self) -> None:
        try:
            self._fail(WorkerFailed(await self._watchdog.stalled()), "stuck")
        except Exception as error:
            self._fail(error)

    async def _why_stuck(self) -> str | None:
        waiting = await self._intake.waiting()
        if records := self._under_way or self._aside.under_way:
            first = records[0]
            return (
                f"a batch of {len(records)} from {first.topic}/{first.partition} offset {first.offset} on is "
                "under way"
            )
        return waiting

    async def _read_lag(self) -> None:
        await self._lag.measure([*self._under_way, *self._aside.under_way])

    def _report(self, error: Transient | None) -> None:
        """Report a failure that will be retried, or a recovery if None."""
        if self._heartbeat is None:
            return
        if error is None:
            self._heartbeat.working()
        else:
            count(RETRIES)
            self._watchdog.progressed()
            self._heartbeat.retrying(error)

    def _broker_answers(self, error: Transient | None) -> None:
        if error is None:
            self._beat.working()
        else:
            _log.warning("broker_unreachable", group=self._source.group, error=str(error))
            self._beat.retrying(error)

    @property
    def _beat(self) -> WorkerHeartbeat:
        if self._heartbeat is None:
            raise RuntimeError("the worker is not running")
        return self._heartbeat

    async def _applied(self, records: Sequence[ConsumerRecord]) -> bool:
        applied = await self._unless_fenced(records, lambda: self._consumer.apply(records))
        if applied:
            observe(BATCH_SIZE, len(records))
        return applied

    async def _quarantined(self, record: ConsumerRecord, error: InvalidEvent) -> bool:
        return await self._unless_fenced([record], lambda: self._consumer.quarantine(record, error))

    async def _unless_fenced(
        self, records: Sequence[ConsumerRecord], action: Callable[[], Awaitable[None]]
    ) -> bool:
        try:
            return await self._retries.until_done(action)
        except Fenced as error:
            _log.info("fenced", group=self._source.group, reason=str(error))
        await self._retries.until_done(lambda: self._recover(records))
        return False

    async def _done(self, records: Sequence[ConsumerRecord]) -> None:
        self._intake.applied(records)
        self._lag.applied(records)
        await self._positions.acknowledge(records)
        self._progressed()
        self._beat.handled(len(records))

    async def _recover(self, records: Sequence[ConsumerRecord]) -> None:
        """Return to the stored positions, either of these records' partitions that are set aside or of all
        the others."""
        assigned, places = self.consumer.assignment(), set(map(place_of, records))
        if places <= self._aside.places:
            await self._positions.recover(assigned & places)
        else:
            await self._positions.recover(assigned - self._aside.places)


def _collect_garbage_rarely() -> None:
    """Raise the thresholds of the garbage collector. A batch holds thousands of containers without cycles,
    and at the default thresholds the collector takes 17% of the projector's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
