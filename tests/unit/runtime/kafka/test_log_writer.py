"""How appended records are put into batches: whole where they must be, and never twice."""

import asyncio
from collections import deque
from typing import Any

from aiokafka.producer.message_accumulator import BatchBuilder

from schemas.formats.positions import Position
from services.runtime.kafka.log_writer import _fill, _Parcel
from services.runtime.kafka.producers import BATCH_BYTES

THIRD = b"x" * (BATCH_BYTES // 3)


def parcel(*values: bytes, whole: bool) -> _Parcel:
    """Records of one key that were appended together."""
    written: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
    return _Parcel(deque((b"k", value, []) for value in values), written, whole, sum(map(len, values)))


def filled(*parcels: _Parcel) -> tuple[list[Any], deque[_Parcel]]:
    """What the next batch gets: for each parcel in it the index of its last record, and what is left."""
    queue, result = deque(parcels), list[tuple[_Parcel, int]]()
    _fill(BatchBuilder(BATCH_BYTES, 0), queue, result)
    return result, queue


async def test_a_whole_parcel_waits_for_the_next_batch_when_it_does_not_fit() -> None:
    """It is not split, and what comes behind it does not overtake it."""
    first, second, third = (parcel(THIRD, THIRD, whole=True) for _ in range(3))
    result, queue = filled(first, second, third)
    assert result == [(first, 1)]
    assert (list(queue), len(second.entries)) == ([second, third], 2)


async def test_other_records_fill_the_batch() -> None:
    """What did not fit stays first in the queue, and has its position only with its last record."""
    first, second = parcel(THIRD, whole=True), parcel(THIRD, THIRD, whole=False)
    result, queue = filled(first, second)
    assert result == [(first, 0), (second, 1)]
    assert (list(queue), len(second.entries)) == ([second], 1)
    second.succeed(Position(0, 1))
    assert not second.written.done()
    first.succeed(Position(0, 0))
    assert first.written.result() == Position(0, 0)


async def test_a_batch_without_waiting_callers_is_skipped() -> None:
    """One that was cancelled or has failed is sent no further."""
    cancelled, failed, wanted = (parcel(b"v", whole=False) for _ in range(3))
    cancelled.written.cancel()
    failed.fail(ValueError("x"))
    result, queue = filled(cancelled, failed, wanted)
    assert (result, list(queue)) == ([(wanted, 0)], [])
    assert isinstance(failed.written.exception(), ValueError)
