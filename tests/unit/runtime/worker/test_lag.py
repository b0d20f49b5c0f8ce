"""How far a worker is behind, in records and in seconds."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import TopicPartition

from schemas.errors import Transient
from services.runtime.metrics.catalogue import LAG_RECORDS, LAG_SECONDS, Metric
from services.runtime.metrics.meters import meter
from services.runtime.worker.lag import Lag

NOW = 1_000_000.0


@dataclass
class Record:
    partition: int
    timestamp: int


@dataclass
class Log:
    """The intake and the Kafka client of a worker, with positions and ends by partition."""

    next: dict[int, int]
    ends: dict[int, int] = field(default_factory=dict)
    is_away: bool = False

    @property
    def positions(self) -> dict[TopicPartition, int]:
        return {TopicPartition("log", partition): offset for partition, offset in self.next.items()}

    @property
    def consumer(self) -> "Log":
        return self

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition("log", partition) for partition in self.ends}

    async def end_offsets(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        if self.is_away:
            raise OSError
        return {place: self.ends[place.partition] for place in places}


def shown(metric: Metric) -> dict[int, float]:
    (family,) = meter(metric).collect()
    return {int(sample.labels["partition"]): sample.value for sample in family.samples}


def records(*ages: tuple[int, float]) -> Any:
    """Records that the broker stored so many seconds ago, by partition."""
    return [Record(partition, int((NOW - seconds) * 1000)) for partition, seconds in ages]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)


async def test_lag_in_records_is_the_distance_to_the_end() -> None:
    """Of the partitions that are assigned and whose position is known."""
    log = Log({0: 5, 1: 7, 3: 1}, {0: 5, 1: 10, 2: 4})
    await Lag(log).measure([])  # type: ignore[arg-type]
    assert shown(LAG_RECORDS) == {0: 0, 1: 3}
    log.ends.pop(1)
    await Lag(log).measure([])  # type: ignore[arg-type]
    assert shown(LAG_RECORDS) == {0: 0}


async def test_lag_in_seconds_is_the_age_of_the_record_that_is_worked_on() -> None:
    """It is the first of its partition; where nothing waits, the age is 0."""
    log = Log({0: 5, 1: 7}, {0: 5, 1: 10})
    await Lag(log).measure(records((1, 40), (1, 30)))  # type: ignore[arg-type]
    assert shown(LAG_SECONDS) == {0: 0, 1: 40}


async def test_lag_in_seconds_has_a_limit_for_records_that_have_not_been_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are younger than the last applied record, and than the moment when nothing waited."""
    log = Log({0: 5}, {0: 6})
    lag = Lag(log)  # type: ignore[arg-type]
    await lag.measure([])
    assert shown(LAG_SECONDS) == {}
    lag.applied(records((0, 90), (0, 60)))
    await lag.measure([])
    assert shown(LAG_SECONDS) == {0: 60}
    log.next[0] = 6
    await lag.measure([])
    log.ends[0] = 7
    monkeypatch.setattr(time, "time", lambda: NOW + 10)
    await lag.measure([])
    assert shown(LAG_SECONDS) == {0: 10}


async def test_a_broker_that_is_away_leaves_the_last_figures() -> None:
    """Nothing is invented; the failure is one that passes."""
    log = Log({0: 5}, {0: 6})
    lag = Lag(log)  # type: ignore[arg-type]
    await lag.measure([])
    log.is_away, log.ends = True, {0: 9}
    with pytest.raises(Transient):
        await lag.measure([])
    assert shown(LAG_RECORDS) == {0: 1}
