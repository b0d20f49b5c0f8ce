"""Records as any producer may write them: every codec, odd headers and keys, transactions."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cramjam
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.util import encode_varint

from services.runtime.kafka.access import KafkaAccess

CODECS: Final = ("gzip", "snappy", "lz4", "zstd")
ODD_HEADERS: Final[Sequence[tuple[Any, bytes | None]]] = (
    ("null", None), ("not-utf-8", b"\xff\xfe\x00"), ("", b""), ("content-type", b"\xc3("),
    ("large", b"h" * 10_000),
)  # fmt: skip


class NotUtf8(str):
    """A header name that goes out as bytes which are not UTF-8."""

    def encode(self, *_: Any) -> bytes:
        """Those bytes."""
        return b"\xff\xfename"


def stored_batch(content: bytes, codec: int, count: int) -> bytes:
    """A batch as the broker stores it: `content` is its records, compressed with the codec."""
    builder = _DefaultRecordBatchBuilderPy(2, codec, False, -1, -1, -1, 1)
    builder._buffer += content
    builder._first_timestamp = builder._max_timestamp = 1
    builder._num_records, builder._last_offset = count, count - 1
    builder._write_header(use_compression_type=True)
    return bytes(builder._buffer)


def record_of_headers(count: int) -> bytes:
    """A record as in a stored batch, without key and value, with this many headers without name and value."""
    record, length = bytearray((0, 0, 0, 1, 1)), bytearray()
    encode_varint(count, record.append)
    record += b"\x00\x01" * count
    encode_varint(len(record), length.append)
    return bytes(length + record)


@dataclass(frozen=True)
class Built:
    """A batch that is sent as it is."""

    batch: bytes

    def build(self) -> bytes:
        """It."""
        return self.batch


class Bomb:
    """A batch with one record whose value is `size` zero bytes, never held in memory as a whole."""

    def __init__(self, size: int) -> None:
        self._size = size

    def build(self) -> bytes:
        """The batch, compressed with zstd."""
        packed, zeros = cramjam.zstd.Compressor(), bytes(1 << 20)
        record, length = bytearray((0, 0, 0, 1)), bytearray()  # no attributes, time or key; the first offset
        encode_varint(self._size, record.append)
        encode_varint(len(record) + self._size + 1, length.append)
        packed.compress(bytes(length + record))
        for start in range(0, self._size, len(zeros)):
            packed.compress(zeros[: self._size - start])
        packed.compress(bytes(1))  # no headers
        return stored_batch(bytes(packed.finish()), 4, 1)


@dataclass(frozen=True)
class Sender:
    """Writes to one partition of a topic."""

    kafka: KafkaAccess
    topic: str
    partition: int
    key: bytes

    async def send(self, value: bytes | None, codec: str | None = None, **more: Any) -> None:
        """One record; `more` are its headers, and another key than the usual one."""
        async with AIOKafkaProducer(
            **self.kafka.arguments(), compression_type=codec, max_request_size=64 << 20
        ) as producer:
            sent = {"key": self.key, **more}
            await producer.send_and_wait(self.topic, value, partition=self.partition, **sent)

    async def send_with_a_name_that_is_not_utf_8(self, *values: bytes) -> None:
        """One batch of records whose last has a header with such a name."""
        async with AIOKafkaProducer(**self.kafka.arguments()) as producer:
            batch = producer.create_batch()
            builder = _DefaultRecordBatchBuilderPy(2, 0, False, -1, -1, -1, 1 << 20)
            batch._builder = builder
            for value in values:
                last = value is values[-1]
                batch.append(
                    key=self.key,
                    value=value,
                    timestamp=1,
                    headers=[(NotUtf8(), b"x")] if last else [("a", b"b")],
                )
            await (await producer.send_batch(batch, self.topic, partition=self.partition))

    async def send_bomb(self, size: int) -> None:
        """One record of some kilobytes that inflates to `size` bytes."""
        await self._send_built(Bomb(size))

    async def send_headers(self, count: int) -> None:
        """Send one record with this many headers of two bytes each."""
        await self._send_built(Built(stored_batch(record_of_headers(count), 0, 1)))

    async def _send_built(self, built: Any) -> None:
        async with AIOKafkaProducer(**self.kafka.arguments(), max_request_size=64 << 20) as producer:
            batch = producer.create_batch()
            batch._builder = built
            batch._relative_offset = 1
            await (await producer.send_batch(batch, self.topic, partition=self.partition))

    async def transact(self, *values: bytes, commit: bool) -> None:
        """One transaction, committed or aborted."""
        async with AIOKafkaProducer(
            **self.kafka.arguments(), transactional_id=secrets.token_hex(6)
        ) as producer:
            await producer.begin_transaction()
            for value in values:
                await producer.send_and_wait(self.topic, value, self.key, self.partition)
            await (producer.commit_transaction() if commit else producer.abort_transaction())
