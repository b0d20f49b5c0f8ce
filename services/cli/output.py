"""How results look: tables for people, JSON for programs. Results go to stdout, everything else to stderr."""

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
    """The console of results; wide when nobody looks, so that nothing is cut off."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED_COLUMNS)


@cache
def story() -> "Console":
    """The console of what is told while a stack starts; of a width to be read, on a terminal or in a file."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else _STORY_COLUMNS)


@cache
def aside() -> "Console":
    """The console of progress, notes and questions."""
    from rich.console import Console

    return Console(highlight=False, stderr=True)


def note(text: str) -> None:
    """Something worth knowing that is not the result."""
    print(safe(text), file=sys.stderr)


def print_json(value: Any) -> None:
    """One JSON document, indented, integers exact."""
    print(_json(value, indent=2))


def print_json_line(value: Any) -> None:
    """One JSON document on one line, at once."""
    print_line(_json(value, separators=(",", ":")))


def _json(value: Any, **form: Any) -> str:
    """JSON with what a terminal would obey as escapes, which mean the same in JSON."""
    return "\n".join(map(escaped, json.dumps(value, ensure_ascii=False, **form).split("\n")))


def print_line(text: str) -> None:
    """A line, at once. Raises typer.Exit when nobody reads on, as after `| head`."""
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
    """A table; None shows as nothing, and no cell can command the terminal."""
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
    """A value as a person reads it."""
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
    """The text with what a terminal would obey or turn around as escapes."""
    return escaped(text)
