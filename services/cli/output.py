"""Output of commands: tables for people, JSON for programs. Results go to stdout, everything else to
stderr."""

import json
import os
import sys
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import typer

from schemas.formats.characters import escaped

if TYPE_CHECKING:
    from rich.console import Console

_PIPED_COLUMNS: Final = 2000
_STORY_COLUMNS: Final = 120


@cache
def out() -> "Console":
    """Return the console for results, very wide if stdout is not a terminal so that no line is cut."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED_COLUMNS)


@cache
def setup_console() -> "Console":
    """Return the console for the progress of `vita up`, 120 columns wide if stdout is not a terminal."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else _STORY_COLUMNS)


@cache
def stderr_console() -> "Console":
    """Return the console for progress bars, notes and questions."""
    from rich.console import Console

    return Console(highlight=False, stderr=True)


def note(text: str) -> None:
    """Print a remark to stderr."""
    print(safe(text), file=sys.stderr)


def print_json(value: Any) -> None:
    """Print a value as an indented JSON document."""
    print(_json(value, indent=2))


def print_json_line(value: Any) -> None:
    """Print a value as JSON on one line and flush it."""
    print_line(_json(value, separators=(",", ":")))


def _json(value: Any, **form: Any) -> str:
    """Return JSON in which control characters of terminals are escaped."""
    return "\n".join(map(escaped, json.dumps(value, ensure_ascii=False, **form).split("\n")))


def print_line(text: str) -> None:
    """Print a line and flush it. Raises typer.Exit when the reader is gone, as in `| head`."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit from None


def print_table(
    columns: Iterable[str],
    rows: Iterable[Iterable[object]],
    *,
    right: Iterable[str] = (),
    console: "Console | None" = None,
) -> None:
    """Print a table. None is an empty cell; control characters in cells are escaped.

    `right` names the columns that are aligned to the right.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table, numbers = Table(box=box.SIMPLE_HEAD, pad_edge=False), set(right)
    for name in columns:
        table.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(safe(shown(cell))) for cell in row))
    (console or out()).print(table)


def shown(value: object) -> str:
    """Return a value as readable text."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)


def safe(text: str) -> str:
    """Return the text with control and bidirectional characters escaped, so that it cannot command a
    terminal."""
    return escaped(text)
