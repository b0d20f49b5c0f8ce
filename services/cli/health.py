"""What `vita status` tells, and how it follows from what the database and the broker say. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

WORKERS: Final = ("ingest", "normalizer", "projector", "auditor", "management")
State = Literal["up", "down", "unknown"]
Offsets = Mapping[int, int]
"""Partition -> offset."""


@dataclass(frozen=True, slots=True)
class Part:
    """The broker or the database."""

    state: State
    address: str
    milliseconds: float | None = None
    version: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TopicExtent:
    """Where a topic's partitions begin and end."""

    begins: Offsets
    ends: Offsets


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a worker has come on its topic, over all partitions."""

    position: int
    lag: int | None


@dataclass(frozen=True, slots=True)
class Worker:
    """One process, or the lack of one. Progress belongs to all processes of a worker together."""

    name: str
    state: State
    pid: int | None = None
    host: str | None = None
    rate: float | None = None
    handled: int | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
    seen_seconds_ago: float | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """All of it."""

    workers: Sequence[Worker] = field(default_factory=list)
    broker: Part = Part("unknown", "")
    database: Part = Part("unknown", "")

    @property
    def ok(self) -> bool:
        """Everything is up."""
        states = [worker.state for worker in self.workers] + [self.broker.state, self.database.state]
        return all(state == "up" for state in states)


def progress(next_offsets: Offsets | None, extent: TopicExtent | None) -> Progress | None:
    """How far, and how far behind; records that have expired are nobody's lag."""
    if next_offsets is None:
        return None
    position = sum(next_offsets.values())
    if extent is None:
        return Progress(position, None)
    behind = [
        end - max(next_offsets.get(partition, 0), extent.begins.get(partition, 0))
        for partition, end in extent.ends.items()
    ]
    return Progress(position, sum(max(0, count) for count in behind))


def workers(beats: Sequence[Mapping[str, Any]] | None, known: Mapping[str, Progress | None]) -> list[Worker]:
    """Each process that gave a sign of life, each worker that gave none; all unknown without a database."""
    if beats is None:
        return [Worker(name, "unknown", progress=known.get(name)) for name in WORKERS]
    found = [_worker(beat, known.get(beat["worker"])) for beat in beats]
    there = {worker.name for worker in found}
    missing = [Worker(name, "down", progress=known.get(name)) for name in WORKERS if name not in there]
    return sorted(found + missing, key=_order)


def _worker(beat: Mapping[str, Any], known: Progress | None) -> Worker:
    alive = beat["is_alive"]
    return Worker(
        beat["worker"],
        "up" if alive else "down",
        beat["pid"],
        beat["host"],
        beat["rate"] if alive else 0.0,
        beat["handled"],
        beat["last_error"],
        beat["last_error_at"],
        beat["seen_seconds_ago"],
        known,
    )


def _order(worker: Worker) -> tuple[int, str, int]:
    place = WORKERS.index(worker.name) if worker.name in WORKERS else len(WORKERS)
    return place, worker.name, worker.pid or 0
