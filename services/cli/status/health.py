"""What `vita status` tells, and how it follows from what the database and the broker say. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

WORKERS: Final = ("normalizer", "projector", "auditor")
SERVICES: Final = ("ingest", "management")
MOST_LETTERS: Final = 100
State = Literal["up", "retrying", "degraded", "stuck", "down", "unknown"]
Offsets = Mapping[int, int]
"""Partition -> offset."""
Beats = Sequence[Mapping[str, Any]]
"""Rows of the query `heartbeats`."""
IsGone = Callable[[str, int], bool]
"""Whether the process of this host and number is known to have ended."""


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
class Process:
    """One process of a worker or an HTTP service, or the lack of one. Progress belongs to a whole worker."""

    name: str
    state: State
    pid: int | None = None
    host: str | None = None
    rate: float | None = None
    handled: int | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
    seen_seconds_ago: float | None = None
    reason: str | None = None
    progress: Progress | None = None
    notice: str | None = None
    """What an operator must see although the process is well."""


@dataclass(frozen=True, slots=True)
class Letters:
    """The records quarantined for one reason."""

    reason: str
    total: int
    last_day: int
    oldest: datetime
    newest: datetime


@dataclass(frozen=True, slots=True)
class Health:
    """All of it. More dead letters than `most_letters` within a day are not well."""

    workers: Sequence[Process]
    services: Sequence[Process]
    broker: Part
    database: Part
    letters: Sequence[Letters] = ()
    most_letters: int = MOST_LETTERS

    @property
    def too_many_letters(self) -> bool:
        """Whether more records were quarantined within a day than is taken for well."""
        return sum(letters.last_day for letters in self.letters) > self.most_letters

    @property
    def ok(self) -> bool:
        """Everything is up, and not too many records were quarantined."""
        parts: list[Process | Part] = [*self.workers, *self.services, self.broker, self.database]
        return all(part.state == "up" for part in parts) and not self.too_many_letters


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


def workers(
    beats: Beats | None, known: Mapping[str, Progress | None], is_gone: IsGone = lambda host, pid: False
) -> list[Process]:
    """Each process that gave a sign of life, each worker that gave none; all unknown without a database."""
    found = [
        process
        for name in WORKERS
        for process in _processes(name, beats, "unknown" if beats is None else "down", is_gone)
    ]
    return [replace(process, progress=known.get(process.name)) for process in found]


def services(
    beats: Beats | None, answers: Mapping[str, State], is_gone: IsGone = lambda host, pid: False
) -> list[Process]:
    """The HTTP services: what they answer counts, their signs of life where nobody could ask."""
    found: list[Process] = []
    for name in SERVICES:
        answer = answers.get(name)
        processes = _processes(name, beats, answer or ("unknown" if beats is None else "down"), is_gone)
        living = [process for process in processes if process.state == "up"] or processes
        found += processes if answer is None else [replace(process, state=answer) for process in living]
    return found


def _processes(name: str, beats: Beats | None, otherwise: State, is_gone: IsGone) -> list[Process]:
    found = [_process(beat, is_gone) for beat in beats or () if beat["worker"] == name]
    return sorted(found, key=lambda process: process.pid or 0) or [Process(name, otherwise)]


def _state(beat: Mapping[str, Any], alive: bool) -> State:
    """What a process says of itself; one that ended because it was stuck stays so until it is followed."""
    if beat["state"] == "stuck":
        return "stuck"
    if not alive:
        return "down"
    return "retrying" if beat["state"] == "retrying" else "up"


def _process(beat: Mapping[str, Any], is_gone: IsGone) -> Process:
    alive = beat["is_alive"] and not is_gone(beat["host"], beat["pid"])
    return Process(
        beat["worker"],
        _state(beat, alive),
        beat["pid"],
        beat["host"],
        beat["rate"] if alive else 0.0,
        beat["handled"],
        beat["last_error"],
        beat["last_error_at"],
        beat["seen_seconds_ago"],
        beat["reason"],
        notice=beat["notice"] if alive else None,
    )
