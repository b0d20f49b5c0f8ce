"""Measuring: percentiles, rates out of samples, and the processor time of process trees."""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import psutil

SAMPLE_SECONDS = 0.05
WARM_UP = 0.05
STALLED_SECONDS = 20.0


class Sample(NamedTuple):
    """How much was done by a moment of the monotonic clock."""

    at: float
    done: int


@dataclass(frozen=True)
class Percentiles:
    """Latencies in milliseconds."""

    p50: float
    p95: float
    p99: float
    count: int


def percentiles(seconds: Sequence[float]) -> Percentiles:
    """Nearest-rank percentiles. Raises ValueError for no values."""
    if not seconds:
        raise ValueError("nothing was measured")
    ordered = sorted(seconds)
    p50, p95, p99 = (1000 * ordered[math.ceil(share * len(ordered)) - 1] for share in (0.50, 0.95, 0.99))
    return Percentiles(p50, p95, p99, len(ordered))


def steady_rate(samples: Sequence[Sample]) -> float:
    """Work per second from when a twentieth was done (starting up does not count) to the last progress."""
    done = [sample.done for sample in samples]
    if not done or max(done) == done[0]:
        return 0.0
    last = done.index(max(done))
    threshold = done[0] + (done[last] - done[0]) * WARM_UP
    warm = next(place for place, count in enumerate(done) if count > done[0] and count >= threshold)
    start, end = samples[min(warm, last - 1)], samples[last]
    return (end.done - start.done) / (end.at - start.at)


class Watched(NamedTuple):
    """What watching a counter gave: its samples, and whether it arrived before the time was over."""

    samples: list[Sample]
    complete: bool

    @property
    def done(self) -> int:
        """How far it moved."""
        return self.samples[-1].done - self.samples[0].done

    @property
    def rate(self) -> float:
        """Its steady rate."""
        return steady_rate(self.samples)


async def watch(progress: Callable[[], Awaitable[int]], goal: int, budget_seconds: float) -> Watched:
    """Sample a counter until it reaches `goal`, stops growing for too long, or the time is over."""
    samples = [Sample(time.monotonic(), await progress())]
    deadline, moved = samples[0].at + budget_seconds, samples[0]
    while samples[-1].done < goal and samples[-1].at < min(deadline, moved.at + STALLED_SECONDS):
        await asyncio.sleep(SAMPLE_SECONDS)
        samples.append(Sample(time.monotonic(), await progress()))
        moved = samples[-1] if samples[-1].done > moved.done else moved
    return Watched(samples, samples[-1].done >= goal)


class CpuMeter:
    """Processor seconds of named process trees between two moments."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._before = self._now()

    def spent(self) -> dict[str, float]:
        """Seconds since the start, by name."""
        now = self._now()
        return {name: max(0.0, seconds - self._before[name]) for name, seconds in now.items()}

    def _now(self) -> dict[str, float]:
        return {name: _tree_seconds(pid) for name, pid in self._pids.items()}


def own_seconds() -> float:
    """Processor seconds of this process: what driving the load costs."""
    times = psutil.Process().cpu_times()
    return float(times.user + times.system)


def _tree_seconds(pid: int) -> float:
    """The processor time of a process, its running descendants, and its ended ones whose parents have waited
    for them."""
    with contextlib.suppress(psutil.NoSuchProcess):
        leader = psutil.Process(pid)
        return sum(_seconds(process) for process in (leader, *leader.children(recursive=True)))
    return 0.0


def _seconds(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0
