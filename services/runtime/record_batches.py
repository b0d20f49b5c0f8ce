"""Record batches whose header names are any bytes.

The Kafka client decodes header names as UTF-8 and fails the whole fetch when one is not; brokers accept any
bytes. Importing this module makes every consumer of the process decode such names with `surrogateescape`, so
that the record reaches its worker and no byte is lost. Batches with proper names keep the client's compiled
parser.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.record.util import decode_varint

_FORMAT_WITH_HEADERS: Final = 2


def name_bytes(name: str) -> bytes:
    """The bytes of a header's name as they lie on the broker."""
    return name.encode("utf-8", "surrogateescape")


def name_text(name: bytes) -> str:
    """A header's name as consumers of this process see it."""
    return name.decode("utf-8", "surrogateescape")


class _AnyNames(_DefaultRecordBatchPy):  # type: ignore[misc]  # aiokafka marks it final for type checkers
    """A batch parsed in Python, with header names of any bytes; its structure is known to be sound, because
    the broker checks it at the append and the checksum has been verified."""

    _pos: int

    def _read_msg(self, decode_varint: Any = decode_varint) -> _DefaultRecordPy:
        _, position = decode_varint(self._buffer, self._pos)
        _, position = decode_varint(self._buffer, position)
        delta, position = decode_varint(self._buffer, position)
        offset_delta, position = decode_varint(self._buffer, position)
        key, position = self._bytes(position)
        value, position = self._bytes(position)
        count, position = decode_varint(self._buffer, position)
        headers = []
        for _ in range(count):
            name, position = self._bytes(position)
            content, position = self._bytes(position)
            headers.append((name_text(name or b""), content))
        self._pos = position
        by_broker = self.timestamp_type == self.LOG_APPEND_TIME
        timestamp = self.max_timestamp if by_broker else self.first_timestamp + delta
        return _DefaultRecordPy(
            self.base_offset + offset_delta, timestamp, self.timestamp_type, key, value, headers
        )

    def _bytes(self, position: int) -> tuple[bytes | None, int]:
        length, position = decode_varint(self._buffer, position)
        if length < 0:
            return None, position
        return bytes(self._buffer[position : position + length]), position + length


class _Batch:
    """A batch as the compiled parser reads it; from the record on whose header names it cannot decode, as
    `_AnyNames` does."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._compiled = DefaultRecordBatch(content)
        self._records = self._read()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._compiled, name)

    def __iter__(self) -> Iterator[Any]:
        return self._records

    def __next__(self) -> Any:
        return next(self._records)

    def _read(self) -> Iterator[Any]:
        count = 0
        try:
            for count, record in enumerate(self._compiled, 1):  # noqa: B007  # how many the parser has read
                yield record
        except UnicodeDecodeError:
            yield from islice(_AnyNames(self._content), count, None)


class _Batches(_MemoryRecordsPy):  # type: ignore[misc]  # aiokafka marks it final for type checkers
    """The batches of one partition in an answer of the broker."""

    def next_batch(self, *_: Any) -> Any:
        content = self._next_slice
        if (
            content is None
            or len(content) < self.MIN_SLICE
            or content[self.MAGIC_OFFSET] < _FORMAT_WITH_HEADERS
        ):
            return super().next_batch()
        self._cache_next()
        return _Batch(content)


fetcher.MemoryRecords = _Batches
