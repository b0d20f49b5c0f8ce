"""What a write adds to what its tenant has used."""

import asyncio
from typing import Any

import pytest

from schemas.formats.positions import Position
from schemas.sealing.mapper import Record
from services.commands.writer import COUNTED_BYTES, SECONDS_PER_BYTE, WaitTimes, Writer
from services.runtime.fairness.current_request import RequestContext, under_way
from services.runtime.fairness.loop_shares import LoopShares


class Log:
    def append(self, records: list[Record]) -> asyncio.Future[Position]:
        appended: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        appended.set_result(Position(0, 0))
        return appended


class Shares(LoopShares):
    spent = 0.0

    def spend(self, tenant: str | None, seconds: float) -> None:
        self.spent += seconds


@pytest.mark.parametrize("beyond", [-1, 0, 1_000_000])
async def test_a_large_event_counts_for_what_it_costs_behind_the_request(beyond: int) -> None:
    """The counted time grows with the size of the event; a small event adds none."""
    shares, writer = Shares(), Writer(Log(), None, WaitTimes(1, 1, 1))  # type: ignore[arg-type]
    value: Any = bytes(COUNTED_BYTES + beyond)
    with under_way(RequestContext("id", shares, "demo")):
        await writer.append("demo", ["an id"], [Record(b"", value)])
    assert shares.spent == pytest.approx(max(0, beyond) * SECONDS_PER_BYTE)
