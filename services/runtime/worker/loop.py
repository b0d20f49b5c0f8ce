"""The loop every worker runs: batches from one topic, manual acks, positions from where their effects are.

FastStream owns the broker's lifespan and the subscription. Records are taken from its consumer as they are,
before any parsing, and everything that can go wrong with them is decided here. A batch ends in one of these
ways: applied and acknowledged; a Transient failure, retried with backoff for as long as it takes; Fenced,
when another instance owns the partition now; split, when it fails with an unknown error, until the record at
fault stands alone and is quarantined. What is not the fault of a record ends the process with the batch
unacknowledged, and so does a worker that makes no progress while records wait.
"""

import asyncio
import faulthandler
import gc
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaError
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker

from schemas.errors import InvalidEvent, Transient
from services.ledger.progress.heartbeats import Heartbeat, State
from services.runtime.background import start_task
from services.runtime.periodic import EndProcess, FailurePolicy
from services.runtime.worker.intake import Found, Intake, Source, WorkerFailed, place_of
from services.runtime.worker.isolation import Isolation
from services.runtime.worker.side_track import SideTrack
from services.runtime.worker.watchdog import Watchdog, limit_exit

__all__ = ["Fenced", "Hop", "Source", "Worker", "WorkerFailed", "first_offsets", "next_offsets"]

_log = structlog.get_logger()

FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 0.1, 5.0
DRAIN_SECONDS = 20.0
HANDOVER_SECONDS = 3.0
EXIT_SECONDS = 45.0
"""A worker that has failed and does not get through its own shutdown in this time is ended."""
TELLING_SECONDS = 1.0
"""Between two words to the broker about positions that it does not keep."""


class Fenced(Exception):
    """The stored position is not the expected one: somebody else has taken these partitions on."""


class Hop(Protocol):
    """What one worker does between its topic and its effects."""

    async def start(self, end_process: FailurePolicy) -> Heartbeat:
        """Opens what the hop needs; the heartbeat to report with. `end_process` is the failure policy of
        background loops without which the worker must not go on."""

    async def stored_positions(self, partitions: Collection[int]) -> Mapping[int, int] | None:
        """Partition -> next offset as stored with the effects (missing: from the beginning); None when the
        broker keeps them."""

    async def apply(self, records: Sequence[ConsumerRecord]) -> None:
        """Brings a batch to its end, all or nothing. Raises Transient or Fenced."""

    async def quarantine(self, record: ConsumerRecord, error: InvalidEvent) -> None:
        """Brings a record that cannot be applied to its end. Raises Transient or Fenced, or WorkerFailed when
        this hop cannot do without the record."""

    async def stop(self) -> None:
        """Closes what `start` opened, after the last batch."""


class Worker:
    """A FastStream application with one subscription."""

    def __init__(self, source: Source, hop: Hop) -> None:
        self._source = source
        self._hop = hop
        self._heartbeat: Heartbeat | None = None
        self._stopping = asyncio.Event()
        self._at_work = asyncio.Lock()
        self._fatal: BaseException | None = None
        self._ends_as: tuple[State, str] = "failed", ""
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._under_way: Sequence[ConsumerRecord] = ()
        self._untold: dict[TopicPartition, int] = {}
        self._telling: asyncio.Task[None] | None = None
        self._keeps_positions = False
        self._looked_at = 0.0
        self._intake = Intake(source)
        self._isolation = Isolation(self._applied, self._remaining, self._quarantined, self._done)
        self._aside = SideTrack(self._intake, source.large_bytes, self._isolation.bring_to_an_end, self._fail)
        self._watchdog = Watchdog(source.watchdog_seconds, self._why_stuck, self._broker_answers)
        self._broker = KafkaBroker(
            **source.kafka.broker_arguments(),
            logger=None,
            apply_types=False,
            graceful_timeout=DRAIN_SECONDS,
        )
        self._subscriber = self._broker.subscriber(
            source.topic,
            group_id=source.group,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            listener=_Assignment(self),
            isolation_level="read_committed",
            session_timeout_ms=6_000,
            heartbeat_interval_ms=2_000,
            max_poll_interval_ms=600_000,
            max_partition_fetch_bytes=4 << 20,
            fetch_max_wait_ms=200,
        )

    @property
    def consumer(self) -> AIOKafkaConsumer:
        """The running consumer."""
        consumer = self._subscriber.consumer
        if consumer is None:
            raise RuntimeError("the worker is not running")
        return consumer

    async def run(self) -> None:
        """Until SIGTERM or SIGINT, or until something goes wrong that no record is at fault for. Raises
        WorkerFailed."""
        self._app = FastStream(
            self._broker, logger=None, after_startup=[self._begin], on_shutdown=[self._drain]
        )
        self._heartbeat = await self._opened()
        _collect_garbage_rarely()
        try:
            if self._fatal is None:
                await self._app.run()
        finally:
            await self._end()
        if isinstance(self._fatal, WorkerFailed):
            raise self._fatal
        if self._fatal is not None:
            raise WorkerFailed(f"{type(self._fatal).__name__}: see the log") from None

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
        await self._hop.stop()
        faulthandler.cancel_dump_traceback_later()

    async def _drain(self) -> None:
        """Before the broker disconnects: the batch under way is finished, within limits."""
        self._stopping.set()
        limit = HANDOVER_SECONDS if self._fatal is not None else DRAIN_SECONDS
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                if self._tasks:
                    await asyncio.wait(self._tasks[:1])
                await self._aside.finished()
        await self.finish_batch()

    async def seek_to_stored(self, assigned: Collection[TopicPartition]) -> None:
        """Consumption goes on where the effects end, whatever the broker remembers."""
        if not assigned:
            return
        stored = await self._hop.stored_positions([tp.partition for tp in assigned])
        self._keeps_positions = stored is not None
        if stored is None:
            self._intake.trust_broker(assigned)
        else:
            await self._intake.seek(assigned, stored)

    async def take_on(self, assigned: Collection[TopicPartition]) -> None:
        """Newly assigned partitions are held until their positions are the stored ones: the consumer would
        begin where the broker's memory or the reset policy says."""
        self._intake.attach(self.consumer)
        self._intake.hold(assigned)
        try:
            await self._retried(lambda: self.seek_to_stored(assigned), "positions_unreadable")
        except Exception as error:
            self._fail(error)

    async def _opened(self) -> Heartbeat:
        delay = FIRST_BACKOFF_SECONDS
        while True:
            try:
                return await self._hop.start(EndProcess(self._loop_failed))
            except Transient as error:
                _log.warning("not_ready", group=self._source.group, error=str(error))
                await asyncio.sleep(delay)
                delay = min(delay * 2, LONGEST_BACKOFF_SECONDS)

    async def _consume(self) -> None:
        try:
            while self._goes_on():
                await self._retried(self._take, "fetch_retried")
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
        """Nothing was found: positions go past what is no record."""
        now = time.monotonic()
        if now - self._looked_at < TELLING_SECONDS:
            return
        self._looked_at = now
        if moved := await self._intake.pass_markers():
            self._untold |= moved
            await self._tell()

    async def finish_batch(self) -> None:
        """Waits for the batch under way, so that its partitions are handed over clean; a slow one is fenced
        off instead."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HANDOVER_SECONDS), self._at_work:
                await self._aside.finished()
                await self._tell()

    async def _bring_to_an_end(self, found: Found) -> None:
        self._under_way = records = self._aside.take(await self._intake.complete(found))
        self._progressed()
        try:
            if records:
                await self._isolation.bring_to_an_end(records)
        finally:
            self._under_way = ()

    def _progressed(self) -> None:
        """Others that go on are no progress while what is aside is stuck."""
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

    def _broker_answers(self, error: Transient | None) -> None:
        if error is None:
            self._beat.working()
        else:
            _log.warning("broker_unreachable", group=self._source.group, error=str(error))
            self._beat.retrying(error)

    @property
    def _beat(self) -> Heartbeat:
        if self._heartbeat is None:
            raise RuntimeError("the worker is not running")
        return self._heartbeat

    async def _applied(self, records: Sequence[ConsumerRecord]) -> bool:
        return await self._unless_fenced(records, lambda: self._hop.apply(records))

    async def _quarantined(self, record: ConsumerRecord, error: InvalidEvent) -> bool:
        return await self._unless_fenced([record], lambda: self._hop.quarantine(record, error))

    async def _unless_fenced(
        self, records: Sequence[ConsumerRecord], action: Callable[[], Awaitable[None]]
    ) -> bool:
        try:
            return await self._retried(action)
        except Fenced as error:
            _log.info("fenced", group=self._source.group, reason=str(error))
        await self._retried(lambda: self._recover(records))
        return False

    async def _remaining(self, records: Sequence[ConsumerRecord]) -> Sequence[ConsumerRecord]:
        """The records whose effects are not stored yet."""
        stored: Mapping[int, int] | None = None

        async def read() -> None:
            nonlocal stored
            stored = await self._hop.stored_positions({record.partition for record in records})

        await self._retried(read)
        if stored is None:
            return records
        positions: Mapping[int, int] = stored
        return [record for record in records if record.offset >= positions.get(record.partition, 0)]

    async def _done(self, records: Sequence[ConsumerRecord]) -> None:
        self._intake.applied(records)
        await self._acknowledge(records)
        self._progressed()
        self._beat.handled(len(records))

    async def _retried(self, action: Callable[[], Awaitable[None]], told: str = "batch_retried") -> bool:
        """Whether the action was done at last; False when the worker ends before."""
        delay, failed = FIRST_BACKOFF_SECONDS, False
        while True:
            try:
                await action()
            except Transient as error:
                failed = True
                self._watchdog.progressed()
                self._beat.retrying(error)
                _log.warning(told, group=self._source.group, error=str(error))
                if await self._stops_within(delay):
                    return False
                delay = min(delay * 2, LONGEST_BACKOFF_SECONDS)
            else:
                if failed:
                    self._beat.working()
                return True

    async def _stops_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _acknowledge(self, records: Sequence[ConsumerRecord]) -> None:
        """At once where the broker keeps the positions. To others it only says how far they are, for whoever
        watches it: now and then is enough."""
        topic = self._source.topic
        self._untold |= {TopicPartition(topic, p): offset for p, offset in next_offsets(records).items()}
        if not self._keeps_positions:
            await self._tell()
        elif self._telling is None or self._telling.done():
            self._telling = start_task(self._tell_soon())

    async def _tell_soon(self) -> None:
        await self._stops_within(TELLING_SECONDS)
        await self._tell()

    async def _tell(self) -> None:
        """A failure here only repeats work: effects are recognised when they come twice."""
        offsets, self._untold = self._untold, {}
        if not offsets:
            return
        try:
            await self.consumer.commit(offsets)
        except KafkaError as error:
            _log.warning("commit_failed", group=self._source.group, error=type(error).__name__)

    async def _recover(self, records: Sequence[ConsumerRecord]) -> None:
        """What is aside and the others go back each for themselves."""
        assigned, places = self.consumer.assignment(), set(map(place_of, records))
        assigned = assigned & places if places <= self._aside.places else assigned - self._aside.places
        await self.seek_to_stored(assigned)
        try:
            ends = await self.consumer.end_offsets(list(assigned))
            positions = {tp: await self.consumer.position(tp) for tp in assigned}
        except KafkaError as error:
            raise Transient(f"kafka: {type(error).__name__}") from error
        for tp in assigned:
            if positions[tp] > ends[tp]:
                raise WorkerFailed(
                    f"{tp.topic}/{tp.partition} ends before the position stored for it: was the topic made "
                    "anew? Rebuild the views from the new log, or give back the old one."
                )


def next_offsets(records: Sequence[ConsumerRecord]) -> dict[int, int]:
    """Partition -> the offset after its last record in the batch."""
    return {record.partition: record.offset + 1 for record in records}


def first_offsets(records: Sequence[ConsumerRecord]) -> dict[int, int]:
    """Partition -> the offset of its first record in the batch."""
    return {record.partition: record.offset for record in reversed(records)}


def _collect_garbage_rarely() -> None:
    """A batch is thousands of live containers without cycles; at the default thresholds the collector walks
    them over and over (measured: 17% of the projector's time)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


class _Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """The next owner starts where the batch under way ends."""
        await self._worker.finish_batch()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Called before any position of the new assignment can be known to the consumer."""
        await self._worker.take_on(assigned)
