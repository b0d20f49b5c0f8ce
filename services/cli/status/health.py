"""The health of the stack, computed from what the database, the broker and the services report. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

from projections.row import Row
from services.ledger.repairs import SelfCheck

WORKERS: Final = ("normalizer", "projector", "auditor")
SERVICES: Final = ("ingest", "management")
MOST_LETTERS: Final = 100
State = Literal["up", "retrying", "degraded", "stuck", "down", "unknown"]
Supervised = Literal["watched", "waiting", "given up"]
Offsets = Mapping[int, int]
"""Offset by partition."""
Heartbeats = Sequence[Row]
"""Rows of the query `heartbeats`."""
IsGone = Callable[[str, int], bool]
"""Returns whether the process with this host and process id is known to have ended."""


@dataclass(frozen=True, slots=True)
class Component:
    """The broker or the database."""

    state: State
    address: str
    milliseconds: float | None = None
    version: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TopicExtent:
    """The first and the next offset of each partition of a topic."""

    begins: Offsets
    ends: Offsets


@dataclass(frozen=True, slots=True)
class WorkerProgress:
    """A worker's position and lag on its topic, summed over all partitions; the lag is None if it is not
    known."""

    position: int
    lag: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process of a worker or an HTTP service, or a placeholder for one that never reported.

    `progress` is the whole worker's, not only this process's.
    """

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
    progress: WorkerProgress | None = None
    metrics: str | None = None
    """The URL at which the process serves metrics and health; None if it is not known."""
    notice: str | None = None
    """A warning that an operator must see although the process is healthy."""


@dataclass(frozen=True, slots=True)
class DeadLetterCount:
    """The number of records quarantined for a reason."""

    reason: str
    total: int
    last_day: int
    oldest: datetime
    newest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationStatus:
    """A generation of the views. `phase` is what its rebuild does, or did last, and None if there was no
    rebuild."""

    number: int
    state: str
    phase: str | None
    events_done: int
    events_total: int | None
    created_at: datetime
    progress_at: datetime | None

    @property
    def remaining_seconds(self) -> float | None:
        """The estimated time that the replay still takes; None in other phases and before its first
        events."""
        if self.phase != "replay" or not self.events_total or not self.events_done or not self.progress_at:
            return None
        elapsed = (self.progress_at - self.created_at).total_seconds()
        return elapsed * (self.events_total - self.events_done) / self.events_done


@dataclass(frozen=True, slots=True)
class SupervisedProcess:
    """What the supervisor of the local stack says of a process. `log_place` is its last log line at its last
    end, as `file:line`; None if it has not ended."""

    name: str
    state: Supervised
    restarts: int
    restarted_at: datetime | None
    log_place: str | None


@dataclass(frozen=True, slots=True)
class SupervisorHealth:
    """The supervisor of the local stack, and the processes that it starts again."""

    pid: int | None
    processes: Sequence[SupervisedProcess]

    @property
    def state(self) -> State:
        """Whether it runs."""
        return "down" if self.pid is None else "up"

    @property
    def ok(self) -> bool:
        """Whether it runs and has not given up a process."""
        return self.pid is not None and all(one.state != "given up" for one in self.processes)


@dataclass(frozen=True, slots=True)
class StackHealth:
    """The health of all parts. It is not `ok` with more than `most_letters` dead letters within 24 hours, if
    rows of users differ from their history, or when the supervisor of a local stack is down or has given up a
    process. `check` is None if the database does not answer."""

    workers: Sequence[Process]
    services: Sequence[Process]
    broker: Component
    database: Component
    letters: Sequence[DeadLetterCount] = ()
    most_letters: int = MOST_LETTERS
    generations: Sequence[GenerationStatus] = field(default=(), kw_only=True)
    check: SelfCheck | None = field(default=None, kw_only=True)
    supervisor: SupervisorHealth | None = field(default=None, kw_only=True)
    """None if the stack is not a local one."""

    @property
    def differs(self) -> bool:
        """Whether the self-check found rows that differ from the history of their users."""
        return self.check is not None and bool(self.check.differences)

    @property
    def too_many_letters(self) -> bool:
        """Whether more than `most_letters` records were quarantined within 24 hours."""
        return sum(letters.last_day for letters in self.letters) > self.most_letters

    @property
    def ok(self) -> bool:
        """Whether everything is up, not too many records were quarantined, and no rows differ."""
        parts: list[Process | Component] = [*self.workers, *self.services, self.broker, self.database]
        are_up = all(part.state == "up" for part in parts)
        supervised = self.supervisor is None or self.supervisor.ok
        return are_up and supervised and not self.too_many_letters and not self.differs


def progress(next_offsets: Offsets | None, extent: TopicExtent | None) -> WorkerProgress | None:
    """Return a worker's position and lag, or None if its offsets are not known.

    Records that have expired do not count as lag.
    """
    if next_offsets is None:
        return None
    position = sum(next_offsets.values())
    if extent is None:
        return WorkerProgress(position, None)
    behind = [
        end - max(next_offsets.get(partition, 0), extent.begins.get(partition, 0))
        for partition, end in extent.ends.items()
    ]
    return WorkerProgress(position, sum(max(0, count) for count in behind))


def workers(
    beats: Heartbeats | None,
    known: Mapping[str, WorkerProgress | None],
    is_gone: IsGone = lambda host, pid: False,
) -> list[Process]:
    """Return the processes of each worker, with a placeholder for a worker without a heartbeat.

    `beats` is None if the database does not answer; the state of all workers is then unknown.
    """
    found = [
        process
        for name in WORKERS
        for process in _processes(name, beats, "unknown" if beats is None else "down", is_gone)
    ]
    return [replace(process, progress=known.get(process.name)) for process in found]


def services(
    beats: Heartbeats | None, answers: Mapping[str, State], is_gone: IsGone = lambda host, pid: False
) -> list[Process]:
    """Return the processes of each HTTP service.

    `answers` are the states that the services themselves reported; heartbeats count only for a service
    that could not be asked.
    """
    found: list[Process] = []
    for name in SERVICES:
        answer = answers.get(name)
        processes = _processes(name, beats, answer or ("unknown" if beats is None else "down"), is_gone)
        up = [process for process in processes if process.state == "up"] or processes
        found += processes if answer is None else [replace(process, state=answer) for process in up]
    return found


def with_metrics(processes: Sequence[Process], urls: Mapping[str, str]) -> list[Process]:
    """Return the processes with the URLs of their metrics, by service. A further instance has a port of its
    own, which is not known."""
    seen: set[str] = set()
    found = []
    for process in processes:
        url = None if process.name in seen else urls.get(process.name)
        seen.add(process.name)
        found.append(replace(process, metrics=url))
    return found


def _processes(name: str, beats: Heartbeats | None, otherwise: State, is_gone: IsGone) -> list[Process]:
    found = [_process(beat, is_gone) for beat in beats or () if beat["worker"] == name]
    return sorted(found, key=lambda process: process.pid or 0) or [Process(name=name, state=otherwise)]


def _state(beat: Row, alive: bool) -> State:
    """Return the state. A process that ended because it was stuck stays `stuck` until a successor starts."""
    if beat["state"] == "stuck":
        return "stuck"
    if not alive:
        return "down"
    return "retrying" if beat["state"] == "retrying" else "up"


def _process(beat: Row, is_gone: IsGone) -> Process:
    alive = beat["is_alive"] and not is_gone(beat["host"], beat["pid"])
    return Process(
        name=beat["worker"],
        state=_state(beat, alive),
        pid=beat["pid"],
        host=beat["host"],
        rate=beat["rate"] if alive else 0.0,
        handled=beat["handled"],
        last_error=beat["last_error"],
        last_error_at=beat["last_error_at"],
        seen_seconds_ago=beat["seen_seconds_ago"],
        reason=beat["reason"],
        notice=beat["notice"] if alive else None,
    )
