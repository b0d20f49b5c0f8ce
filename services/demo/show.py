"""Prints the demo's result: profiles, totals, raw claims beside one profile, and the events behind it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.json import JSON
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

ROWS: Final = 15
_HIDDEN: Final = frozenset({"provenance"})


def one_per_connection(
    users: Sequence[Mapping[str, Any]], first: str, rows: int = ROWS
) -> list[Mapping[str, Any]]:
    """Return up to `rows` users: `first`, then one of each connection, then others."""
    seen: set[str] = set()
    leaders: list[Mapping[str, Any]] = []
    others: list[Mapping[str, Any]] = []
    for user in sorted(users, key=lambda user: user["user_id"] != first):
        connection = _connection(user)
        (others if connection in seen else leaders).append(user)
        seen.add(connection)
    return (leaders + others)[:rows]


def profiles(console: Console, users: Sequence[Mapping[str, Any]], total: int) -> None:
    """Print a table of profiles."""
    table = Table(title=f"{len(users)} of {total:,} profiles", box=box.SIMPLE_HEAD, title_justify="left")
    for name, width in (("user_id", 32), ("name", 22), ("email", 32), ("connection", 18)):
        table.add_column(name, overflow="ellipsis", no_wrap=True, max_width=width)
    table.add_column("logins", justify="right", min_width=6)
    table.add_column("last_login", no_wrap=True, min_width=16)
    for user in users:
        cells = (user["user_id"], user.get("name", ""), user.get("email", ""), _connection(user))
        count, last = user.get("logins_count", ""), str(user.get("last_login", ""))[:16].replace("T", " ")
        table.add_row(*map(Text, map(str, cells)), str(count), last)
    console.print(table)


def strategies(console: Console, users: Sequence[Mapping[str, Any]], total: int) -> None:
    """Print the number of profiles by strategy."""
    counts = Counter(str(user["identities"][0]["provider"]) for user in users)
    scope = "" if len(users) == total else f" (of the first {len(users):,} profiles)"
    line = "  ".join(f"[bold]{name}[/] {count}" for name, count in counts.most_common())
    console.print(Panel(line, title=f"{len(counts)} strategies{scope}", title_align="left", box=box.ROUNDED))


def claims_and_profile(console: Console, claims: Mapping[str, Any], profile: Mapping[str, Any]) -> None:
    """Print the provider's claims beside the profile."""
    visible = {key: value for key, value in profile.items() if key not in _HIDDEN}
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(ratio=1)
    grid.add_column(ratio=1)
    grid.add_row(
        _panel("raw claims, as the provider sent them", claims), _panel("normalized profile", visible)
    )
    console.print(grid)


def events(console: Console, history: Sequence[Mapping[str, Any]]) -> None:
    """Print the events behind a profile, oldest first."""
    table = Table(title="the events behind it", box=box.SIMPLE_HEAD, title_justify="left")
    for name in ("time", "type", "actor", "position"):
        table.add_column(name, no_wrap=True)
    for event in history:
        table.add_row(*(Text(str(event.get(name, ""))) for name in ("time", "type", "actor", "position")))
    console.print(table)


def _panel(title: str, value: Mapping[str, Any]) -> Panel:
    return Panel(
        JSON.from_data(dict(value), ensure_ascii=False), title=title, title_align="left", box=box.ROUNDED
    )


def _connection(user: Mapping[str, Any]) -> str:
    return str(user["identities"][0]["connection"])
