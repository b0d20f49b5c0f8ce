"""The loop every worker runs: batches from one topic, manual acks, positions from where their effects are.

FastStream's own policies are not used: the default one loses, and exceptions would be logged and passed over.
Here a batch ends in one of these ways: applied and acknowledged; a Transient failure, retried with backoff
for as long as it takes; Fenced, when another instance owns the partition now; anything else ends the process
with the batch unacknowledged.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker

from schemas.errors import Transient
from services.runtime.heartbeat import Heartbeat
from services.runtime.kafka_access import KafkaAccess

_log = structlog.get_logger()

POLL_MILLISECONDS = 10
FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 0.1, 5.0
DRAIN_SECONDS = 20.0
HANDOVER_SECONDS = 3.0
TELLING_SECONDS = 1.0
"""Between two words to the broker about positions that it does not keep."""


class Fenced(Exception):
    """The stored position is not the expected one: somebody else has taken these partitions on."""


class WorkerFailed(Exception):
    """The worker cannot go on. Of an unknown failure it names the type only: messages may quote the data they
    choke on."""


class Hop(Protocol):
    """What one worker does between its topic and its effects."""

    async def start(self) -> Heartbeat:
        """Opens what the hop needs; the heartbeat to report with."""

    async def stored_positions(self, partitions: Collection[int]) -> Mapping[int, int] | None:
        """Partition -> next offset as stored with the effects (missing: from the beginning); None when the
        broker keeps them."""

    async def apply(self, records: Sequence[ConsumerRecord]) -> None:
        """Brings a batch to its end, all or nothing. Raises Transient or Fenced."""

    async def stop(self) -> None:
        """Closes what `start` opened, after the last batch."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where batches come from."""

    kafka: KafkaAccess
    topic: str
    group: str
    max_records: int = 2000


class Worker:
    """A FastStream application with one batch subscriber."""

    def __init__(self, source: Source, hop: Hop) -> None:
        self._source = source
        self._hop = hop
        self._heartbeat: Heartbeat | None = None
        self._stopping = asyncio.Event()
        self._at_work = asyncio.Lock()
        self._fatal: BaseException | None = None
        self._untold: dict[TopicPartition, int] = {}
        self._telling: asyncio.Task[None] | None = None
        self._keeps_positions = False
        self._broker = KafkaBroker(
            **source.kafka.broker_arguments(),
            logger=None,
            apply_types=False,
            graceful_timeout=DRAIN_SECONDS,
        )
        self._subscriber = self._broker.subscriber(
            source.topic,
            group_id=source.group,
            batch=True,
            max_records=source.max_records,
            batch_timeout_ms=POLL_MILLISECONDS,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            decoder=_raw_records,
            listener=_Assignment(self),
            session_timeout_ms=6_000,
            heartbeat_interval_ms=2_000,
            max_poll_interval_ms=600_000,
            max_partition_fetch_bytes=4 << 20,
            fetch_max_wait_ms=200,
        )
        self._subscriber(self._handle)

    @property
    def consumer(self) -> AIOKafkaConsumer:
        """The running consumer."""
        consumer = self._subscriber.consumer
        if consumer is None:
            raise RuntimeError("the worker is not running")
        return consumer

    async def run(self) -> None:
        """Until SIGTERM or SIGINT, or until something unknown goes wrong. Raises WorkerFailed."""
        self._heartbeat = await self._opened()
        _collect_garbage_rarely()
        self._app = FastStream(self._broker, logger=None, on_shutdown=[self._stop_retrying])
        try:
            await self._app.run()
        finally:
            await self._hop.stop()
        if isinstance(self._fatal, WorkerFailed):
            raise self._fatal
        if self._fatal is not None:
            raise WorkerFailed(f"{type(self._fatal).__name__}: see the log") from None

    async def _stop_retrying(self) -> None:
        self._stopping.set()
        await self.finish_batch()

    async def seek_to_stored(self, assigned: Collection[TopicPartition]) -> None:
        """Consumption goes on where the effects end, whatever the broker remembers."""
        if not assigned:
            return
        stored = await self._hop.stored_positions([tp.partition for tp in assigned])
        self._keeps_positions = stored is not None
        if stored is None:
            return
        try:
            for tp in assigned:
                if tp.partition in stored:
                    self.consumer.seek(tp, stored[tp.partition])
                else:
                    await self.consumer.seek_to_beginning(tp)
        except KafkaError as error:
            raise Transient(f"kafka: {type(error).__name__}") from error

    async def take_on(self, assigned: Collection[TopicPartition]) -> None:
        """Newly assigned partitions are held until their positions are the stored ones: the consumer would
        begin where the broker's memory or the reset policy says."""
        self.consumer.pause(*assigned)
        try:
            if await self._retried(lambda: self.seek_to_stored(assigned), "positions_unreadable"):
                self.consumer.resume(*assigned)
        except Exception as error:
            self._fail(error)

    async def _opened(self) -> Heartbeat:
        delay = FIRST_BACKOFF_SECONDS
        while True:
            try:
                return await self._hop.start()
            except Transient as error:
                _log.warning("not_ready", group=self._source.group, error=str(error))
                await asyncio.sleep(delay)
                delay = min(delay * 2, LONGEST_BACKOFF_SECONDS)

    async def _handle(self, records: Sequence[ConsumerRecord]) -> None:
        async with self._at_work:
            if self._fatal is None and not self._stopping.is_set():
                await self._bring_to_an_end(records)

    async def finish_batch(self) -> None:
        """Waits for the batch under way, so that its partitions are handed over clean; a slow one is fenced
        off instead."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HANDOVER_SECONDS), self._at_work:
                await self._tell()

    async def _bring_to_an_end(self, records: Sequence[ConsumerRecord]) -> None:
        try:
            if await self._applied(records):
                await self._acknowledge(records)
                self._beat.handled(len(records))
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._fatal = error
        self._app.exit()
        _log.exception("worker_failed", group=self._source.group, error=type(error).__name__)

    @property
    def _beat(self) -> Heartbeat:
        if self._heartbeat is None:
            raise RuntimeError("the worker is not running")
        return self._heartbeat

    async def _applied(self, records: Sequence[ConsumerRecord]) -> bool:
        try:
            return await self._retried(lambda: self._hop.apply(records))
        except Fenced as error:
            _log.info("fenced", group=self._source.group, reason=str(error))
        await self._retried(self._recover)
        return False

    async def _retried(self, action: Callable[[], Awaitable[None]], told: str = "batch_retried") -> bool:
        """Whether the action was done at last; False when the worker ends before."""
        delay = FIRST_BACKOFF_SECONDS
        while True:
            try:
                await action()
            except Transient as error:
                self._beat.failed(error)
                _log.warning(told, group=self._source.group, error=str(error))
                if await self._stops_within(delay):
                    return False
                delay = min(delay * 2, LONGEST_BACKOFF_SECONDS)
            else:
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
            self._telling = asyncio.create_task(self._tell_soon())

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

    async def _recover(self) -> None:
        assigned = self.consumer.assignment()
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


async def _raw_records(message: Any) -> Any:
    return message.raw_message


class _Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """The next owner starts where the batch under way ends."""
        await self._worker.finish_batch()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Called before any position of the new assignment can be known to the consumer."""
        await self._worker.take_on(assigned)
