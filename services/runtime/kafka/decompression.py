"""Compressed record batches, inflated within limits.

A broker bounds the bytes of a batch as it is stored, not what it inflates to: some kilobytes of zstd can hold
gigabytes. The Kafka client would inflate them whole, in the memory of the process that reads them.
"""

import struct
import zlib
from collections.abc import Callable
from typing import Final

import cramjam
from aiokafka.errors import UnsupportedCodecError
from aiokafka.record.util import decode_varint

MOST_BYTES: Final = 16 << 20
"""What a batch may inflate to. Producers fill batches of a few megabytes at most."""
MOST_RECORDS: Final = 100_000
"""Records in a compressed batch: more are too small to be events of any kind."""
MOST_HEADERS: Final = 1_000_000
"""Of all records of a compressed batch together."""
HEADER_BYTES: Final = 80
"""What a header takes in memory at least, however few bytes it has in its batch."""
_HEAD_BYTES: Final = 61
"""Of a batch of format 2: codec and count are read from it, and the records follow it."""
_CODEC_AT: Final = 22
_CODEC_BITS: Final = 0x07
_COUNT: Final = struct.Struct(">i")
_COUNT_AT: Final = 57
_OFFSET: Final = 2
_LONGEST_NUMBER: Final = bytes(10)
_FIRST_GUESS: Final = 1 << 16
_GUESSED_RATIO: Final = 8
_GZIP_FRAME: Final = 31
_XERIAL: Final = b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01"


class TooLarge(ValueError):
    """A batch inflates to more than the limits allow."""


def is_compressed(batch: memoryview) -> bool:
    """Whether the records of a batch (format 2, from its base offset on) are compressed."""
    return bool(batch[_CODEC_AT] & _CODEC_BITS)


def inflated(batch: memoryview) -> bytes:
    """The batch with its records uncompressed; its checksum is that of the compressed one. Raises TooLarge,
    and other exceptions for content that its codec cannot read."""
    codec, (count,) = batch[_CODEC_AT] & _CODEC_BITS, _COUNT.unpack_from(batch, _COUNT_AT)
    if count > MOST_RECORDS:
        raise TooLarge(f"the compressed batch holds {count} records, at most {MOST_RECORDS}")
    if codec not in _CODECS:
        raise UnsupportedCodecError(f"codec {codec}")
    head = bytearray(batch[:_HEAD_BYTES])
    head[_CODEC_AT] &= ~_CODEC_BITS
    return b"".join((head, _CODECS[codec](bytes(batch[_HEAD_BYTES:]), MOST_BYTES)))


def bytes_in_memory(batch: bytes) -> int:
    """What an inflated batch takes when its records are parsed. Raises TooLarge, and other exceptions for
    content that holds no records."""
    (count,) = _COUNT.unpack_from(batch, _COUNT_AT)
    headers, place, size = 0, _HEAD_BYTES, len(batch)
    padded = batch + _LONGEST_NUMBER  # the compiled decoder does not look where its buffer ends
    for _ in range(count):
        length, start = decode_varint(padded, place)
        place = start + length
        if not start <= place <= size:
            raise ValueError("a record that ends behind its batch")
        for field in range(5):  # attributes, time, offset; then key and value, which follow their lengths
            length, start = decode_varint(padded, start)
            start += max(length, 0) if field > _OFFSET else 0
            if start > place:
                raise ValueError("a field that ends behind its record")
        headers += decode_varint(padded, start)[0]
        if headers > MOST_HEADERS:
            raise TooLarge(f"the records of the compressed batch have more than {MOST_HEADERS} headers")
    return len(batch) + HEADER_BYTES * headers


def _gzip(content: bytes, most: int) -> bytes:
    parts, room = [], most
    while content:
        member = zlib.decompressobj(_GZIP_FRAME)
        parts.append(member.decompress(content, room + 1))
        room -= len(parts[-1])
        if room < 0:
            raise _too_large()
        if not member.eof:
            raise ValueError("the gzip stream ends early")
        content = member.unused_data
    return b"".join(parts)


def _snappy(content: bytes, most: int) -> bytes:
    """Bare snappy, or blocks of it as the Java client writes them."""
    if not content.startswith(_XERIAL):
        return _snappy_block(content, most)
    parts, room, place = [], most, len(_XERIAL)
    while place < len(content):
        (size,) = _COUNT.unpack_from(content, place)
        place += _COUNT.size
        if size <= 0:
            raise ValueError("a snappy block of no size")
        parts.append(_snappy_block(content[place : place + size], room))
        room -= len(parts[-1])
        place += size
    return b"".join(parts)


def _snappy_block(content: bytes, most: int) -> bytes:
    if cramjam.snappy.decompress_raw_len(content) > most:
        raise _too_large()
    return bytes(cramjam.snappy.decompress_raw(content))


def _within(decompress_into: Callable[[bytes, bytearray], int]) -> Callable[[bytes, int], bytes]:
    """Codecs that write into a buffer of a given size, and fail where it does not suffice: it is doubled."""

    def inflate(content: bytes, most: int) -> bytes:
        size = min(max(_GUESSED_RATIO * len(content), _FIRST_GUESS), most)
        while True:
            buffer = bytearray(size)
            try:
                return bytes(memoryview(buffer)[: decompress_into(content, buffer)])
            except cramjam.DecompressionError as error:
                if _SHORT not in str(error):
                    raise
                if size == most:
                    raise _too_large() from None
                size = min(2 * size, most)

    return inflate


_SHORT: Final = "write whole buffer"


def _too_large() -> TooLarge:
    return TooLarge(f"the compressed batch inflates to more than {MOST_BYTES} bytes")


_CODECS: Final[dict[int, Callable[[bytes, int], bytes]]] = {
    1: _gzip,
    2: _snappy,
    3: _within(cramjam.lz4.decompress_into),
    4: _within(cramjam.zstd.decompress_into),
}
