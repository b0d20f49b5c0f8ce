"""Record batches of any content, read within limits.

Importing this module changes how every consumer of the process reads batches. The Kafka client fails the
whole fetch, again and again, when a header name is not UTF-8 or when the content cannot be read, and it
inflates whatever is compressed. Brokers accept all of that. Here, names are decoded with `surrogateescape`,
so that the record reaches its worker and no byte is lost; a batch that inflates beyond the limits, or whose
content cannot be read, becomes one record in the place of its last one, whose value is an `Unreadable`: the
batch as it is stored. The batches of one answer of the broker are handed out up to a limit of bytes; the rest
is fetched again. Batches keep the client's compiled parser.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

from aiokafka import ConsumerRecord
from aiokafka.consumer import fetcher
from aiokafka.errors import UnsupportedCodecError
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.record.util import decode_varint_py as decode_varint  # the compiled one reads past the end

from schemas.errors import DeadLetterReason, InvalidEvent
from services.runtime.kafka.decompression import TooLarge, bytes_in_memory, inflated, is_compressed

ANSWER_BYTES: Final = 16 << 20
"""After this many decompressed bytes, no further batch of a response is read."""
_FORMAT_WITH_HEADERS: Final = 2


class Unreadable(bytes):
    """The stored bytes of a batch that cannot be read, in the place of a value, with the reason."""

    reason: DeadLetterReason
    detail: str

    @classmethod
    def batch(cls, content: memoryview, error: Exception) -> "Unreadable":
        """The batch that this error was met in."""
        made = cls(content)
        if isinstance(error, TooLarge):
            made.reason, made.detail = "too_large", str(error)
        else:
            made.reason = "unreadable_batch"
            made.detail = f"the content of the record batch cannot be read ({type(error).__name__})"
        return made


def check_readable(record: ConsumerRecord) -> None:
    """Raises InvalidEvent for a record that replaces an unreadable batch."""
    if isinstance(record.value, Unreadable):
        raise InvalidEvent(record.value.reason, record.value.detail)


def name_bytes(name: str) -> bytes:
    """The bytes of a header's name as they lie on the broker."""
    return name.encode("utf-8", "surrogateescape")


def name_text(name: bytes) -> str:
    """A header's name as consumers of this process see it."""
    return name.decode("utf-8", "surrogateescape")


class _AnyNames(_DefaultRecordBatchPy):  # type: ignore[misc]  # aiokafka marks it final for type checkers
    """A batch parsed in Python, with header names of any bytes. Brokers check the structure of appended
    batches; a malformed one raises an exception."""

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
        if position + length > len(self._buffer):
            raise IndexError("a field ends behind its batch")
        return bytes(self._buffer[position : position + length]), position + length


class _Batch:
    """A batch as the compiled parser reads it; from the record on whose header names it cannot decode, as
    `_AnyNames` does."""

    def __init__(self, content: memoryview, count_bytes: Callable[[int], None]) -> None:
        self._content = content
        self._count_bytes = count_bytes
        self._compiled = DefaultRecordBatch(content)
        self._records = self._read()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._compiled, name)

    def __iter__(self) -> Iterator[Any]:
        return self._records

    def __next__(self) -> Any:
        return next(self._records)

    def _read(self) -> Iterator[Any]:
        try:
            yield from self._parsed()
        except (MemoryError, UnsupportedCodecError):
            raise
        except Exception as error:  # whatever is wrong with content whose checksum is right
            yield self._in_place_of_all(error)

    def _parsed(self) -> Iterator[Any]:
        content, compiled = self._content, self._compiled
        if is_compressed(content):
            whole = inflated(content)
            self._count_bytes(bytes_in_memory(whole))
            content, compiled = memoryview(whole), DefaultRecordBatch(whole)
        count = 0
        try:
            for count, record in enumerate(compiled, 1):  # noqa: B007  # how many the parser has read
                yield record
        except UnicodeDecodeError:
            yield from islice(_AnyNames(content), count, None)

    def _in_place_of_all(self, error: Exception) -> _DefaultRecordPy:
        batch = self._compiled
        value = Unreadable.batch(self._content, error)
        return _DefaultRecordPy(
            batch.next_offset - 1, batch.max_timestamp, batch.timestamp_type, None, value, []
        )


class _Batches(_MemoryRecordsPy):  # type: ignore[misc]  # aiokafka marks it final for type checkers
    """The batches of one partition in an answer of the broker."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._bytes = 0

    def has_next(self) -> bool:
        """Whether there is another batch to read before the next answer."""
        return super().has_next() and self._bytes < ANSWER_BYTES

    def next_batch(self, *_: Any) -> Any:
        content = self._next_slice
        if (
            content is None
            or len(content) < self.MIN_SLICE
            or content[self.MAGIC_OFFSET] < _FORMAT_WITH_HEADERS
        ):
            return super().next_batch()
        self._cache_next()
        return _Batch(content, self._count)

    def _count(self, size: int) -> None:
        self._bytes += size


fetcher.MemoryRecords = _Batches
