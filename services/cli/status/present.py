"""The health of the stack as JSON and as tables."""

from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any, Final

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from schemas.formats.instants import render
from services.cli.output import safe, shown
from services.cli.status.health import (
    Component,
    DeadLetterCount,
    GenerationStatus,
    Process,
    StackHealth,
    SupervisorHealth,
)
from services.ledger.repairs import SelfCheck

_COLORS: Final = {
    "up": "green", "retrying": "yellow", "degraded": "yellow", "unknown": "yellow",
    "stuck": "bold red", "down": "bold red",
}  # fmt: skip
_NUMBERS: Final = ("pid", "lag", "position", "events/s")


def as_document(health: StackHealth) -> dict[str, Any]:
    """Return the document that `vita status --json` prints."""
    return {
        "ok": health.ok,
        "workers": [_process(process) for process in health.workers],
        "services": [_process(process) for process in health.services],
        "broker": _part(health.broker),
        "database": _part(health.database),
        "dead_letters": [_letters(letters) for letters in health.letters],
        "generations": [_generation(generation) for generation in health.generations],
        "self_check": None if health.check is None else _check(health.check),
        "supervisor": None if health.supervisor is None else _supervisor(health.supervisor),
    }


def as_table(health: StackHealth) -> Group:
    """Return two tables, one of processes and one of components, followed by hints."""
    processes = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("name", "state", *_NUMBERS, "metrics", "last error"):
        processes.add_column(name, justify="right" if name in _NUMBERS else "left", overflow="fold")
    for process in (*health.workers, *health.services):
        processes.add_row(*_cells(process))
    if health.supervisor is not None:
        processes.add_row("supervisor", _state(health.supervisor.state), str(health.supervisor.pid or ""))
    parts = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("part", "state", "address", "", "answered in"):
        parts.add_column(name, overflow="fold")
    for name, part in (("broker", health.broker), ("database", health.database)):
        about = part.error or part.version or ""
        took = "" if part.milliseconds is None else f"{part.milliseconds:.0f} ms"
        parts.add_row(name, _state(part.state), part.address, safe(about), took)
    return Group(
        processes,
        parts,
        *_generations_table(health),
        *_letters_table(health),
        *_checked(health),
        *_advice(health),
        *_restarts(health),
    )


def _generations_table(health: StackHealth) -> Iterator[Table]:
    """A table while there is a generation besides the live one."""
    if len(health.generations) < 2:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("views", "state", "rebuild", "events", "remaining"):
        table.add_column(name, justify="right" if name in ("events", "remaining") else "left")
    for one in health.generations:
        left = one.remaining_seconds
        table.add_row(
            f"generation {one.number}",
            one.state,
            (one.phase or "").replace("_", " "),
            "" if one.events_total is None else f"{one.events_done:,} of {one.events_total:,}",
            "" if left is None else f"{timedelta(seconds=round(left))}",
        )
    yield table


def _checked(health: StackHealth) -> Iterator[str]:
    if health.check is not None and health.check.last_at is not None:
        at = render(health.check.last_at.astimezone(UTC))
        yield f"Users compared with their history: {shown(health.check.people)}, the last at {at}."


def _letters_table(health: StackHealth) -> Iterator[Table]:
    if not health.letters:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("dead letters", "last 24 h", "in all", "oldest", "newest"):
        table.add_column(name, justify="right" if name in ("last 24 h", "in all") else "left")
    for one in health.letters:
        cells = (one.reason, shown(one.last_day), shown(one.total), render(one.oldest), render(one.newest))
        table.add_row(*cells)
    yield table


def _cells(process: Process) -> Iterator[Text]:
    known = process.progress
    rate = None if process.rate is None else f"{process.rate:,.0f}"
    lag, position = (known.lag, known.position) if known else (None, None)
    yield Text(process.name)
    yield _state(process.state)
    for cell in (str(process.pid or ""), lag, position, rate):
        yield Text(shown(cell))
    yield Text((process.metrics or "").removeprefix("http://"))
    when = f" ({render(process.last_error_at)})" if process.last_error_at else ""
    yield Text(safe(f"{process.last_error}{when}" if process.last_error else ""))


def _state(state: str) -> Text:
    return Text(state, style=_COLORS[state])


def _advice(health: StackHealth) -> Iterator[str | Text]:
    for process in (*health.workers, *health.services):
        if process.notice:
            yield Text(safe(f"WARNING: {process.name}: {process.notice}"), style="bold red")
    if down := [one.name for one in (*health.workers, *health.services) if one.state == "down"]:
        yield f"Down: {', '.join(down)}. `vita up` starts what is down, `vita logs {down[0]}` may say why."
    for process in (*health.workers, *health.services):
        if process.state in ("stuck", "retrying"):
            yield safe(f"{process.name} is {process.state}: {process.reason or process.last_error}")
    if health.too_many_letters:
        yield f"More than {health.most_letters} records were quarantined in 24 hours: `vita dlq list`."
    if health.check is not None and health.differs:
        names = ", ".join(f"{name} of {shown(number)}" for name, number in health.check.differences.items())
        yield f"Rows of users differ from their history: {names}. `vita repair --found` mends them."
    for name, part in (("broker", health.broker), ("database", health.database)):
        if part.state != "up":
            yield f"The {name} at {part.address} is down: {part.error}. `vita up` starts the local one."


def _check(check: SelfCheck) -> dict[str, Any]:
    return {
        "people": check.people,
        "last_at": None if check.last_at is None else render(check.last_at.astimezone(UTC)),
        "differences": dict(check.differences),
    }


def _restarts(health: StackHealth) -> Iterator[str | Text]:
    """What the supervisor has done, and what it no longer does."""
    if health.supervisor is None:
        return
    if health.supervisor.pid is None:
        yield "The supervisor is down: a process that dies stays down. `vita up` starts the supervisor."
    for one in health.supervisor.processes:
        if one.state == "given up":
            text = (
                f"{one.name} was given up, as it ended again and again: its last log line is {one.log_place}."
            )
            yield Text(safe(f"{text} `vita up` starts it again."), style="bold red")
        elif one.state == "waiting":
            yield safe(f"{one.name} ended and is about to be started again: see {one.log_place}")
        elif one.restarted_at is not None:
            times = "once" if one.restarts == 1 else f"{one.restarts} times"
            when = render(one.restarted_at)
            yield safe(f"{one.name} was started again {times}, last at {when}: see {one.log_place}")


def _supervisor(supervisor: SupervisorHealth) -> dict[str, Any]:
    return {
        "state": supervisor.state,
        "pid": supervisor.pid,
        "processes": [
            {
                "name": one.name,
                "state": one.state,
                "restarts": one.restarts,
                "restarted_at": None if one.restarted_at is None else render(one.restarted_at),
                "log_place": one.log_place,
            }
            for one in supervisor.processes
        ],
    }


def _letters(letters: DeadLetterCount) -> dict[str, Any]:
    return {
        "reason": letters.reason,
        "last_day": letters.last_day,
        "total": letters.total,
        "oldest": render(letters.oldest),
        "newest": render(letters.newest),
    }


def _generation(generation: GenerationStatus) -> dict[str, Any]:
    left = generation.remaining_seconds
    return {
        "number": generation.number,
        "state": generation.state,
        "phase": generation.phase,
        "events_done": generation.events_done,
        "events_total": generation.events_total,
        "created_at": render(generation.created_at),
        "remaining_seconds": None if left is None else round(left),
    }


def _process(process: Process) -> dict[str, Any]:
    known = process.progress
    return {
        "name": process.name,
        "state": process.state,
        "pid": process.pid,
        "host": process.host,
        "lag": known.lag if known else None,
        "position": known.position if known else None,
        "rate": None if process.rate is None else round(process.rate, 1),
        "handled": process.handled,
        "reason": process.reason,
        "metrics": process.metrics,
        "notice": process.notice,
        "last_error": process.last_error,
        "last_error_at": render(process.last_error_at) if process.last_error_at else None,
        "seen_seconds_ago": None if process.seen_seconds_ago is None else round(process.seen_seconds_ago, 1),
    }


def _part(part: Component) -> dict[str, Any]:
    return {
        "state": part.state,
        "address": part.address,
        "version": part.version,
        "milliseconds": part.milliseconds,
        "error": part.error,
    }
