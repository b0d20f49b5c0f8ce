"""Record batches as brokers store them, read without a broker: every codec, within limits."""

import gzip
from collections.abc import Callable
from typing import Any

import cramjam
import pytest
from aiokafka import ConsumerRecord
from aiokafka.codec import snappy_encode
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InvalidEvent
from services.runtime.kafka.decompression import MOST_BYTES, MOST_HEADERS, MOST_RECORDS
from services.runtime.kafka.record_batches import ANSWER_BYTES, Unreadable, _Batches, check_readable
from tests.support.odd_records import record_of_headers, stored_batch

LARGE = 12 << 20
CODECS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "gzip": (1, lambda content: gzip.compress(content, 1)),
    "gzip of several members": (
        1, lambda content: gzip.compress(content[:9], 1) + gzip.compress(content[9:], 1),
    ),
    "snappy": (2, lambda content: bytes(cramjam.snappy.compress_raw(content))),
    "snappy in blocks": (2, snappy_encode),
    "lz4": (3, lambda content: bytes(cramjam.lz4.compress(content))),
    "zstd": (4, lambda content: bytes(cramjam.zstd.compress(content))),
}  # fmt: skip


def content_of(*values: bytes) -> bytes:
    """The records of a batch, not compressed."""
    builder = _DefaultRecordBatchBuilderPy(2, 0, False, -1, -1, -1, 1 << 30)
    for offset, value in enumerate(values):
        assert builder.append(offset, 1, b"k", value, [("name", b"x")]) is not None
    return bytes(builder._buffer[builder.HEADER_STRUCT.size :])


def read(stored: bytes) -> list[Any]:
    """The records in an answer of the broker, as the fetcher takes them."""
    batches, found = _Batches(stored), []
    while batches.has_next():
        batch = batches.next_batch()
        assert batch.validate_crc()
        found += list(batch)
    return found


def refusal(record: Any) -> InvalidEvent:
    """Why a worker cannot read this record."""
    whole = ConsumerRecord(
        "t", 0, record.offset, record.timestamp, 1, record.key, record.value, None, -1, -1, ()
    )
    with pytest.raises(InvalidEvent) as caught:
        check_readable(whole)
    return caught.value


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_is_read(codec: str) -> None:
    """Small, large and hardly compressible values come out as they went in."""
    number, compress = CODECS[codec]
    values = [b"x", b"", bytes(LARGE), bytes(range(256)) * 40]
    records = read(stored_batch(compress(content_of(*values)), number, len(values)))
    assert [(record.offset, record.value) for record in records] == list(enumerate(values))
    assert {(record.key, *record.headers) for record in records} == {(b"k", ("name", b"x"))}


@pytest.mark.parametrize("codec", CODECS)
def test_a_batch_that_inflates_too_far_is_one_refused_record(codec: str) -> None:
    """The record has the offset of the batch's last record and contains the stored batch."""
    number, compress = CODECS[codec]
    stored = stored_batch(compress(content_of(b"one", bytes(MOST_BYTES))), number, 2)
    (record,) = read(stored)
    assert (record.offset, record.value) == (1, stored)
    assert refusal(record).reason == "too_large"
    assert str(MOST_BYTES) in refusal(record).detail


def test_a_batch_of_too_many_records_is_one_refused_record() -> None:
    """Nothing is inflated to find out."""
    (record,) = read(stored_batch(b"not even zstd", 4, MOST_RECORDS + 1))
    assert (record.offset, refusal(record).reason) == (MOST_RECORDS, "too_large")


def test_a_batch_of_too_many_headers_is_one_refused_record() -> None:
    """Two bytes in the batch are many more in memory."""
    packed = bytes(cramjam.zstd.compress(record_of_headers(MOST_HEADERS + 1)))
    (read_as,) = read(stored_batch(packed, 4, 1))
    assert refusal(read_as).reason == "too_large"
    assert "headers" in refusal(read_as).detail


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("damage", ["junk", "cut", "short"])
def test_a_batch_that_cannot_be_read_is_one_refused_record(codec: str, damage: str) -> None:
    """With a right checksum nothing else will ever come of it: no codec, no record structure."""
    number, compress = CODECS[codec]
    whole = compress(content_of(b"one" * 1000, b"two" * 1000))
    stored = {
        "junk": stored_batch(b"junk that no codec made", number, 2),
        "cut": stored_batch(whole[: len(whole) // 2], number, 2),
        "short": stored_batch(compress(content_of(b"one")), number, 2),
    }[damage]
    *_, record = read(stored)
    assert record.offset == 1
    assert isinstance(record.value, Unreadable)
    assert refusal(record).reason == "unreadable_batch"


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=6),
    st.integers(0, 300),
    st.sampled_from([0, 4]),
    st.integers(-1, 9),
)
def test_no_content_does_more_than_be_refused(
    changes: list[tuple[int, int]], size: int, codec: int, count: int
) -> None:
    """For any bytes with a correct checksum, no reader reads beyond the end of the batch, which would kill
    the process."""
    content = bytearray(content_of(b"one" * 20, b"two" * 20, b"\xff" * 60))
    for place, byte in changes:
        content[place % len(content)] = byte
    cut = bytes(content[:size]) if size % 3 == 0 else bytes(content)
    stored = stored_batch(cut if codec == 0 else bytes(cramjam.zstd.compress(cut)), codec, count)
    for record in read(stored):
        assert isinstance(record.value, Unreadable) or len(record.value or b"") <= len(cut)


def test_an_answer_is_read_up_to_a_limit() -> None:
    """What is left of an answer that inflates far is fetched again later; nothing is skipped."""
    number, compress = CODECS["zstd"]
    one = stored_batch(compress(content_of(bytes(ANSWER_BYTES // 2))), number, 1)
    assert len(read(one * 10)) == 2


def test_readable_records_are_taken() -> None:
    """Whatever their value is."""
    for value in (None, b"", b"x"):
        check_readable(ConsumerRecord("t", 0, 0, 1, 1, None, value, None, -1, -1, ()))
