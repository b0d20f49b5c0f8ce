"""Puts accepted logins on the log: group commit per partition over one idempotent producer.

While a partition's batch is on its way, whatever else comes in for it gathers and goes out as the next
one, so the more there is to do the fewer requests the broker sees. A record counts as written when all
replicas have it; anything else is the caller's to send again.
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.errors import Transient
from services.ingest.signing import LoginRecord
from services.runtime.http.request_context import shared_task
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.event_log import partition_of
from services.runtime.kafka.producers import close_producer, open_producer
from services.runtime.periodic import FailurePolicy, Periodic

_PATIENCE = 6
"""After so many times the wait of one request a silent connection is given up and made anew."""
_log = structlog.get_logger()


@dataclass(eq=False, slots=True)
class _Parcel:
    """One request's records for one partition; `written` is True once all replicas have every one of them."""

    records: deque[LoginRecord]
    written: asyncio.Future[bool]

    def settle(self, written: bool) -> None:
        if not self.written.done():
            self.written.set_result(written)


class Publisher:
    """Writes to one topic as long as it is open, reconnecting by itself."""

    def __init__(self, kafka: KafkaAccess, topic: str, ack_seconds: float, policy: FailurePolicy) -> None:
        self._kafka, self._topic, self._ack_seconds = kafka, topic, ack_seconds
        self._producer: AIOKafkaProducer | None = None
        self._partitions = 0
        self._queues: defaultdict[int, deque[_Parcel]] = defaultdict(deque)
        self._pumps: dict[int, asyncio.Task[None]] = {}
        self._sent_at: dict[int, float] = {}
        self._broken = asyncio.Event()
        self._keeping = Periodic("broker_connection", self._keep_connected, 0, policy)

    async def open(self) -> None:
        """Starts connecting and goes on trying; does not wait for the broker longer than one attempt."""
        with suppress(Transient):
            await self._connect()
        self._keeping.start()

    async def close(self, timeout_seconds: float) -> None:
        """Disconnects; what the broker does not take in time was never said to be accepted."""
        await self._keeping.stop()
        if self._producer is not None:
            await close_producer(self._producer, timeout_seconds)
            self._producer = None
        for pump in list(self._pumps.values()):
            pump.cancel()
        if self._pumps:
            await asyncio.wait(self._pumps.values())

    @property
    def is_ready(self) -> bool:
        """False while the broker is away: not connected, or a batch has waited for it too long."""
        return self._producer is not None and self._waited() < self._ack_seconds

    async def publish(self, records: Sequence[LoginRecord]) -> list[bool]:
        """For each record whether all replicas have it, within the time a request may take.

        Records of one key keep their order. Raises Transient when the broker is away and nothing was tried.
        """
        if not self.is_ready:
            raise Transient("kafka: away")
        places: defaultdict[int, list[int]] = defaultdict(list)
        for place, record in enumerate(records):
            places[partition_of(record.key, self._partitions)].append(place)
        parcels = {
            partition: self._enqueue(partition, (records[place] for place in there))
            for partition, there in places.items()
        }
        await asyncio.wait([parcel.written for parcel in parcels.values()], timeout=self._ack_seconds)
        written = [False] * len(records)
        for partition, parcel in parcels.items():
            if parcel.written.done() and parcel.written.result():
                for place in places[partition]:
                    written[place] = True
            else:
                parcel.settle(False)
        return written

    def _waited(self) -> float:
        now = time.monotonic()
        return now - min(self._sent_at.values(), default=now)

    def _enqueue(self, partition: int, records: Iterable[LoginRecord]) -> _Parcel:
        parcel = _Parcel(deque(records), asyncio.get_running_loop().create_future())
        self._queues[partition].append(parcel)
        if partition not in self._pumps:
            self._pumps[partition] = shared_task(self._pump(partition))
        return parcel

    async def _pump(self, partition: int) -> None:
        queue = self._queues[partition]
        try:
            while queue and self._producer is not None:
                await self._send_some(self._producer, partition, queue)
        except (KafkaError, OSError) as error:
            _log.warning("logins_not_written", partition=partition, error=type(error).__name__)
            self._broken.set()
        finally:
            self._sent_at.pop(partition, None)
            del self._pumps[partition]
            for parcel in queue:
                parcel.settle(False)
            queue.clear()

    async def _send_some(self, producer: AIOKafkaProducer, partition: int, queue: deque[_Parcel]) -> None:
        batch = producer.create_batch()
        complete = _fill(batch, queue, int(time.time() * 1000))
        if batch.record_count() == 0:
            return
        self._sent_at[partition] = time.monotonic()
        try:
            await (await producer.send_batch(batch, self._topic, partition=partition))
        except BaseException:
            for parcel in complete:
                parcel.settle(False)
            raise
        del self._sent_at[partition]
        for parcel in complete:
            parcel.settle(True)

    async def _connect(self) -> None:
        self._producer, self._partitions = await open_producer(self._kafka, self._topic, self._ack_seconds)

    async def _keep_connected(self) -> None:
        """One round: connect, or else wait for a failure and give up the producer it is of. Raises
        Transient."""
        if self._producer is None:
            await self._connect()
            _log.info("broker_connected", topic=self._topic)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._broken.wait(), self._ack_seconds)
        if self._broken.is_set() or self._waited() > _PATIENCE * self._ack_seconds:
            self._broken.clear()
            producer, self._producer = self._producer, None
            await close_producer(producer, self._ack_seconds)


def _fill(batch: Any, queue: deque[_Parcel], now: int) -> list[_Parcel]:
    """Moves records from the queue into the batch until it is full; the parcels whose last record is in
    it."""
    complete: list[_Parcel] = []
    while queue:
        parcel = queue[0]
        if parcel.written.done():
            queue.popleft()
            continue
        while parcel.records:
            key, value, headers = parcel.records[0]
            if batch.append(timestamp=now, key=key, value=value, headers=headers) is None:
                return complete
            parcel.records.popleft()
        queue.popleft()
        complete.append(parcel)
    return complete
