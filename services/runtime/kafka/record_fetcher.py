"""Reads single records of a topic by their offsets, for many callers at once.

A consumer has one place per partition to read at. Here every read is a request of its own to the leader of
the partition, and requests share the connections to the brokers. Nothing is committed, and nothing is kept
between reads but the topic's metadata.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, Self

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer import fetcher
from aiokafka.errors import KafkaError, OffsetOutOfRangeError, for_code
from aiokafka.protocol.fetch import FetchRequest

from schemas.errors import Transient
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.failures import kafka_failures

ANSWER_SECONDS: Final = 5.0
NEAR_OFFSETS: Final = 32
"""Wanted records that are no further apart are fetched by one request."""
TOGETHER: Final = 8
"""Requests of one read that are under way at once: a batch of the log may have 4 MiB."""
_ONE_BATCH_BYTES: Final = 1
"""The broker answers with one batch at least, however large."""
_RANGE_BYTES: Final = 256 << 10
_TAIL_BYTES: Final = 1 << 20
_TAIL_REQUESTS: Final = 64
_READ_COMMITTED: Final = 1


class Tail(NamedTuple):
    """What a partition holds from some offset on. `reaches` is the offset after the last record that was
    looked at; `is_whole` says that there was none behind it."""

    records: list[ConsumerRecord]
    reaches: int
    is_whole: bool


class _Fetched(NamedTuple):
    records: list[ConsumerRecord]
    next_offset: int
    stable_end: int


class RecordFetcher:
    """Reads a topic at offsets. What transactions have not committed is left out."""

    def __init__(self, client: AIOKafkaClient, topic: str) -> None:
        self._client, self._topic = client, topic

    @classmethod
    @asynccontextmanager
    async def open(cls, kafka: KafkaAccess, topic: str) -> AsyncIterator[Self]:
        """Connect for the duration of the block. Raises Transient."""
        client = AIOKafkaClient(**kafka.arguments())
        try:
            with kafka_failures():
                await client.bootstrap()
                await client.add_topic(topic)
            yield cls(client, topic)
        finally:
            await client.close()

    async def records_at(self, partition: int, offsets: Sequence[int]) -> list[ConsumerRecord]:
        """Return the records of a partition at these ascending offsets; those that the broker does not have
        are left out. Raises Transient."""
        places = asyncio.Semaphore(TOGETHER)

        async def fetched(wanted: Sequence[int]) -> list[ConsumerRecord]:
            async with places:
                return await self._range(partition, wanted)

        found = await asyncio.gather(*map(fetched, _ranges(offsets)))
        return [record for records in found for record in records]

    async def tail(self, partition: int, offset: int, key: bytes, most: int) -> Tail:
        """Return the records with this key from an offset to the present end of a partition, having looked
        at `most` offsets or a few more, and at 64 requests of a megabyte at most. Raises Transient."""
        found: list[ConsumerRecord] = []
        begin, end = offset, None
        for _ in range(_TAIL_REQUESTS):
            answer = await self._fetch(partition, offset, _TAIL_BYTES, lambda record: record.key == key)
            end = answer.stable_end if end is None else end
            found += [record for record in answer.records if record.offset < end]
            has_moved = answer.next_offset > offset
            offset = max(offset, answer.next_offset)
            if offset >= end:
                return Tail(found, end, True)
            if offset - begin >= most or not has_moved:
                break
        return Tail(found, offset, False)

    async def _range(self, partition: int, offsets: Sequence[int]) -> list[ConsumerRecord]:
        """Return the records at offsets that are near each other."""
        wanted = missing = frozenset(offsets)
        offset, found = offsets[0], list[ConsumerRecord]()
        while missing:
            size = _ONE_BATCH_BYTES if len(missing) == 1 else _RANGE_BYTES
            answer = await self._fetch(partition, offset, size, lambda record: record.offset in wanted)
            found += answer.records
            if answer.next_offset <= offset:
                break
            offset = answer.next_offset
            missing = frozenset(one for one in missing if one >= offset)
        return found

    async def _fetch(
        self, partition: int, offset: int, size: int, is_wanted: Callable[[Any], bool]
    ) -> _Fetched:
        place = TopicPartition(self._topic, partition)
        with kafka_failures():
            leader = self._client.cluster.leader_for_partition(place)
            if leader is None or leader == -1:
                self._client.force_metadata_update()
                raise Transient("kafka: a partition has no leader")
            wanted = [(self._topic, [(partition, offset, size)])]
            request = FetchRequest(0, 0, max(size, _RANGE_BYTES), _READ_COMMITTED, wanted)
            async with asyncio.timeout(ANSWER_SECONDS):
                response = await self._client.send(leader, request)
            ((_, ((_, code, _, *rest),)),) = response.topics
            error = for_code(code)
            if error is OffsetOutOfRangeError:
                return _Fetched([], offset, offset)
            if code:
                self._client.force_metadata_update()
                raise error() if issubclass(error, KafkaError) else KafkaError(code)
            return _parsed(place, offset, rest, is_wanted)


class _WantedRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """Records of an answer, None in the place of those that are not wanted: making a record costs more than
    reading it."""

    def __init__(self, is_wanted: Callable[[Any], bool], *given: Any) -> None:
        super().__init__(*given)
        self._is_wanted = is_wanted

    def _consumer_record(self, tp: TopicPartition, record: Any) -> ConsumerRecord | None:
        return super()._consumer_record(tp, record) if self._is_wanted(record) else None


def _parsed(
    place: TopicPartition, offset: int, rest: Sequence[object], is_wanted: Callable[[Any], bool]
) -> _Fetched:
    """Return the wanted records in an answer: `rest` begins with the end of what is committed, and ends with
    the aborted transactions, since version 11 of the protocol a replica, and the batches."""
    stable_end, content = rest[0], rest[-1]
    aborted = next((one for one in rest[1:-1] if isinstance(one, list)), None)
    unread = fetcher.MemoryRecords(content)
    given = (place, unread, aborted, offset, None, None, True, _READ_COMMITTED)
    records = _WantedRecords(is_wanted, *given)
    found = [record for record in records if record is not None]
    assert isinstance(stable_end, int)
    return _Fetched(found, records.next_fetch_offset, stable_end)


def _ranges(offsets: Sequence[int]) -> Iterator[Sequence[int]]:
    """Cut ascending offsets where neighbours are far from each other."""
    first = 0
    for place in range(1, len(offsets) + 1):
        if place == len(offsets) or offsets[place] - offsets[place - 1] > NEAR_OFFSETS:
            yield offsets[first:place]
            first = place
