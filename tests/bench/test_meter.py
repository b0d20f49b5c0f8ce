"""The bench's own arithmetic."""

import os
import time

import pytest

from tests.bench.ceilings import one_after_another
from tests.bench.meter import CpuMeter, Sample, percentiles, steady_rate, watch
from tests.bench.report import Ceiling, Hop, Latency, Report, as_json
from tests.bench.wrk import read


def test_percentiles_are_nearest_rank() -> None:
    """Percentiles are values that occurred, in milliseconds; nothing measured is an error."""
    found = percentiles([number / 1000 for number in range(100, 0, -1)])
    assert (found.p50, found.p95, found.p99, found.count) == (50, 95, 99, 100)
    assert percentiles([0.25]).p99 == 250
    with pytest.raises(ValueError, match="nothing"):
        percentiles([])


def test_steady_rate_leaves_out_starting_and_idling() -> None:
    """Neither the wait before the first progress nor the one after the last counts."""
    working = [Sample(10 + number / 10, 100 * number) for number in range(11)]
    samples = [Sample(0, 0), Sample(5, 0), *working, Sample(30, 1000)]
    assert steady_rate(samples) == pytest.approx(1000)
    assert steady_rate([Sample(0, 0), Sample(2, 0), Sample(3, 500)]) == 500
    assert steady_rate([]) == steady_rate([Sample(0, 5), Sample(1, 5)]) == 0


async def test_watching_stops_at_the_goal_or_when_time_is_over() -> None:
    """A counter that stops growing does not keep the benchmark waiting."""
    counter = iter(range(0, 1000, 10))

    async def moving() -> int:
        return next(counter)

    async def still() -> int:
        return 3

    assert (await watch(moving, 30, 10)).complete
    stuck = await watch(still, 30, 0.01)
    assert not stuck.complete
    assert stuck.done == stuck.rate == 0


def test_cpu_meter_sees_this_process_work() -> None:
    """Work done between two readings is counted; a process that is gone counts nothing."""
    meter = CpuMeter({"me": os.getpid(), "gone": 2**22 - 1})
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    spent = meter.spent()
    assert spent["me"] >= 0.1
    assert spent["gone"] == 0


def test_report_spells_out_derived_figures() -> None:
    """JSON carries ratio and processor seconds per 1,000 events."""
    hop = Hop("normalizer", 2000, 5000.0, 10_000.0, "consume, then produce", {"normalizer": 0.5})
    latency = Latency(1500.0, 20.0, percentiles([0.1]), 0)
    document = as_json(Report({"cores": 2}, [Ceiling("produce", 1.0, 900)], [hop], latency))
    assert document["hops"][0]["ratio"] == 0.5
    assert document["hops"][0]["cpu_seconds_per_1000"] == {"normalizer": 0.25}
    assert document["latency"]["percentiles"]["p50"] == 100
    assert one_after_another(10_000, 10_000) == 5000


def test_wrks_own_words_are_read() -> None:
    """Requests per second and milliseconds out of the line its script prints; refusals are an error."""
    rate, latency = read("Running 2s test\nvita 5000 2000000 1500.0 4000.5 9000.0 0\n")
    assert (rate, latency.p50, latency.p95, latency.p99) == (2500, 1.5, 4.0005, 9)
    for said in ("", "vita 5000 2000000 1500.0 4000.5 9000.0 3\n"):
        with pytest.raises(RuntimeError, match="refused"):
            read(said)
