"""Health for people and for programs."""

from collections.abc import Iterator
from typing import Any, Final

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from schemas.instants import render
from services.cli.health import Health, Part, Worker
from services.cli.output import safe, shown

_COLORS: Final = {"up": "green", "down": "bold red", "unknown": "yellow"}
_NUMBERS: Final = ("pid", "lag", "position", "events/s")


def as_document(health: Health) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "ok": health.ok,
        "workers": [_worker(worker) for worker in health.workers],
        "broker": _part(health.broker),
        "database": _part(health.database),
    }


def as_table(health: Health) -> Group:
    """Two tables: the workers, then what they stand on."""
    workers = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("worker", "state", *_NUMBERS, "last error"):
        workers.add_column(name, justify="right" if name in _NUMBERS else "left", overflow="fold")
    for worker in health.workers:
        workers.add_row(*_cells(worker))
    parts = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("part", "state", "address", "", "answered in"):
        parts.add_column(name, overflow="fold")
    for name, part in (("broker", health.broker), ("database", health.database)):
        about = part.error or part.version or ""
        took = "" if part.milliseconds is None else f"{part.milliseconds:.0f} ms"
        parts.add_row(name, _state(part.state), part.address, safe(about), took)
    return Group(workers, parts, *_advice(health))


def _cells(worker: Worker) -> Iterator[Text]:
    known = worker.progress
    rate = None if worker.rate is None else f"{worker.rate:,.0f}"
    lag, position = (known.lag, known.position) if known else (None, None)
    yield Text(worker.name)
    yield _state(worker.state)
    for cell in (str(worker.pid or ""), lag, position, rate):
        yield Text(shown(cell))
    when = f" ({render(worker.last_error_at)})" if worker.last_error_at else ""
    yield Text(safe(f"{worker.last_error}{when}" if worker.last_error else ""))


def _state(state: str) -> Text:
    return Text(state, style=_COLORS[state])


def _advice(health: Health) -> Iterator[str]:
    if down := [worker.name for worker in health.workers if worker.state == "down"]:
        yield f"Down: {', '.join(down)}. `vita up` starts what is down, `vita logs {down[0]}` may tell why."
    for name, part in (("broker", health.broker), ("database", health.database)):
        if part.state != "up":
            yield f"The {name} at {part.address} is down: {part.error}. `vita up` starts the local one."


def _worker(worker: Worker) -> dict[str, Any]:
    known = worker.progress
    return {
        "name": worker.name,
        "state": worker.state,
        "pid": worker.pid,
        "host": worker.host,
        "lag": known.lag if known else None,
        "position": known.position if known else None,
        "rate": None if worker.rate is None else round(worker.rate, 1),
        "handled": worker.handled,
        "last_error": worker.last_error,
        "last_error_at": render(worker.last_error_at) if worker.last_error_at else None,
        "seen_seconds_ago": None if worker.seen_seconds_ago is None else round(worker.seen_seconds_ago, 1),
    }


def _part(part: Part) -> dict[str, Any]:
    return {
        "state": part.state,
        "address": part.address,
        "version": part.version,
        "milliseconds": part.milliseconds,
        "error": part.error,
    }
