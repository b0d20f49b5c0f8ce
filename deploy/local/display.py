"""The output of `up`, `down` and `clean`: one line per part with its duration."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status

from deploy.local.infrastructure import Part, Route
from services.rebuild.rebuild import Step

NAMES: dict[Part, str] = {"kafka": "Kafka", "postgres": "PostgreSQL"}
ROUTES: dict[Route, str] = {
    "environment": "given in the environment",
    "docker": "in Docker",
    "local": "own process",
}


class Display:
    """Permanent lines, and below them a status line with the current activity."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._tenth = 0

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Show an activity in the status line; `done` lines appear above."""
        if self._status is not None:
            yield
            return
        with self._console.status(f"{what} …") as status:
            self._status = status
            try:
                yield
            finally:
                self._status = None

    @contextmanager
    def step(self, what: str) -> Iterator[list[str]]:
        """Show one step with its duration. What the caller appends to the list is shown as its result."""
        started = time.monotonic()
        result: list[str] = []
        with self.doing(what):
            yield result
        self.done(what, " ".join(result), time.monotonic() - started)

    def done(self, what: str, result: str, seconds: float) -> None:
        """Print a permanent line with a duration."""
        self._console.print(
            f"[green]✓[/] {what:<12} [dim]{seconds:5.1f} s[/]  {result}", highlight=False, soft_wrap=True
        )

    def say(self, text: str) -> None:
        """Print a permanent line without a duration."""
        self._console.print(text, highlight=False, soft_wrap=True)

    def found(self, part: Part, route: Route, address: str, seconds: float) -> None:
        """Print that a part of the infrastructure answers."""
        self.done(NAMES[part], f"{address}  [dim]{ROUTES[route]}[/]", seconds)

    def rebuilding(self, step: Step) -> None:
        """Show the progress of a rebuild in the status line, on a terminal."""
        if self._status is not None:
            self._status.update(f"rebuilding the views: {step.phase} {step.done:,} of {step.total:,} …")

    def downloading(self, done: int, total: int) -> None:
        """Show the progress of a download: in place on a terminal, otherwise a line for each tenth."""
        text = f"downloading Kafka: {done / 1e6:.0f} of {total / 1e6:.0f} MB"
        if self._console.is_terminal:
            if self._status is not None:
                self._status.update(f"{text} …")
        elif done * 10 // total > self._tenth:
            self._tenth = done * 10 // total
            self._console.print(text, highlight=False)
