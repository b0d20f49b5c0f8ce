"""`python -m tests.bench.searches`: reads by id and every class of search, over the HTTP API.

One process of the Management API serves; the load comes from wrk where it is installed, otherwise from a
small client in this process, which takes about as much of the machine as the server does.
"""

import argparse
import json
import os
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import quote, urlencode

import uvloop
from rich import box
from rich.console import Console
from rich.table import Table

from services.ledger.keys.subject_keys import load_keyring, provider_from
from services.management.cursors import Cursors, list_of
from services.management.users.models import ListUsers
from services.queries.search.cursor import text_of
from services.queries.search.ordering import CursorPosition
from tests.bench import wrk
from tests.bench.crowd import CITIES, GIVEN, SYLLABLES, email, fill, subject, surname, user_id
from tests.bench.meter import Percentiles
from tests.bench.site import TENANT, Site, fresh_site
from tests.bench.wire import drive, request

USERS: Final = "/api/v2/users"
READERS: Final = (1, 4, 16, 64)
SEARCHERS: Final = 16
REQUESTS: Final = 4000
PROCESSES: Final = 1


@dataclass(frozen=True)
class Speed:
    """Requests of one kind at a number of connections."""

    name: str
    connections: int
    per_second: float
    latency: Percentiles


def search(**query: object) -> str:
    """The path of a search."""
    return f"{USERS}?{urlencode(query)}"


def _day(number: int) -> str:
    return f"20{20 + number % 4}-{1 + number % 12:02}-{1 + number % 28:02}"


def _syllables(dice: random.Random) -> str:
    """Three of the few that all names are made of: hardly narrows anything down."""
    return "".join(dice.choices(SYLLABLES, k=3))


CLASSES: Final[dict[str, Callable[[int, random.Random], str]]] = {
    "exact": lambda number, _: search(q=f'email:"{email(number)}"'),
    "prefix": lambda number, _: search(
        q=f"name:{GIVEN[number % 20].lower()}\\ {surname(number)[:7].lower()}*".replace("'", "\\'")
    ),
    "infix": lambda number, _: search(q=f"email:*.{max(number // 10, 100)}*"),
    "infix, hard": lambda _, dice: search(q=f"family_name:*-{_syllables(dice)}*"),
    "infix, common": lambda number, _: search(q=f"name:*{GIVEN[number % 20].lower()}*"),
    "range": lambda number, _: search(q=f"created_at:[{_day(number)} TO *]"),
    "range, activity": lambda number, _: search(q=f"logins_count:[{number % 300} TO {number % 300 + 3}]"),
    "metadata": lambda number, _: search(q=f'user_metadata.address.city:"City {number % CITIES}"'),
    "metadata, common": lambda number, _: search(
        q=f"app_metadata.plan:{('free', 'silver', 'gold')[number % 3]}"
    ),
    "metadata range": lambda number, _: search(
        q=f"app_metadata.seats:[{number % 1000} TO {number % 1000 + 2}]"
    ),
    "combined": lambda number, _: search(
        q=f"app_metadata.plan:gold AND email_verified:true AND logins_count:[{number % 250} TO *]"
    ),
    "alternatives": lambda number, _: search(
        q=f'email:"{email(number)}" OR app_metadata.seats:{number % 1000}'
    ),
    "sorted": lambda number, _: search(
        q="email_verified:true", sort=("name:1", "last_login:-1", "created_at:-1")[number % 3]
    ),
    "sorted by metadata": lambda number, _: search(
        sort=("app_metadata.seats:1", "app_metadata.plan:-1")[number % 2]
    ),
    "deep page": lambda number, _: search(page=number % 2000, per_page=50),
    "totals of a search": lambda number, _: search(
        q=f'user_metadata.address.city:"City {number % CITIES}"', include_totals="true"
    ),
    "totals of all": lambda _number, _dice: search(include_totals="true"),
}


def deep_cursor(cursors: Cursors) -> Callable[[int, random.Random], str]:
    """A page far into the list of all users."""
    everybody = list_of(TENANT, USERS, {}, ListUsers())

    def kind(number: int, _dice: random.Random) -> str:
        return search(
            cursor=cursors.seal(text_of(CursorPosition(None, subject(number))), everybody), per_page=50
        )

    return kind


def paths(kind: Callable[[int, random.Random], str], profiles: int) -> list[str]:
    """Many requests of a kind, about people drawn at random."""
    dice = random.Random(7)
    return [kind(dice.randrange(profiles), dice) for _ in range(REQUESTS)]


async def load(
    url: str, asked: Sequence[str], token: str, connections: int, seconds: float
) -> tuple[float, Percentiles]:
    """Requests per second, and their latency."""
    if wrk.installed():
        return await wrk.drive(url, asked, token, connections, seconds)
    return await drive(url, [request("GET", path, token) for path in asked], connections, seconds)


async def measure(url: str, token: str, cursors: Cursors, profiles: int, seconds: float) -> list[Speed]:
    """Everything, one kind after the other."""
    found = []
    by_id = paths(lambda number, _: f"{USERS}/{quote(user_id(number), safe='')}", profiles)
    await load(url, by_id, token, 4, 1.0)
    for connections in READERS:
        rate, latency = await load(url, by_id, token, connections, seconds)
        found.append(Speed("read by id", connections, rate, latency))
    for name, kind in {**CLASSES, "deep cursor": deep_cursor(cursors)}.items():
        asked = paths(kind, profiles)
        await load(url, asked, token, 4, 1.0)
        found.append(Speed(name, SEARCHERS, *await load(url, asked, token, SEARCHERS, seconds)))
    return found


def show(console: Console, profiles: int, speeds: Sequence[Speed]) -> None:
    """A line for each kind."""
    client = "wrk" if wrk.installed() else "a client in Python on the same machine"
    title = f"{profiles:,} profiles, {PROCESSES} process serving, load from {client}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("what")
    for name in ("connections", "requests/s", "p50 ms", "p95 ms", "p99 ms"):
        table.add_column(name, justify="right")
    for one in speeds:
        times = (f"{value:.1f}" for value in (one.latency.p50, one.latency.p95, one.latency.p99))
        table.add_row(one.name, str(one.connections), f"{one.per_second:,.0f}", *times)
    console.print(table)


async def run(profiles: int, seconds: float) -> list[Speed]:
    """Run the benchmark on its own stack."""
    async with fresh_site() as site:
        return await measure_site(site, profiles, seconds)


async def measure_site(site: Site, profiles: int, seconds: float) -> list[Speed]:
    """Fills the views, then measures."""
    async with site.pool.acquire() as connection:
        await fill(connection, TENANT, profiles)
        cursors = Cursors(await load_keyring(connection, provider_from(site.stack.key_provider)))
    await site.start_management()
    return await measure(site.stack.management_url, site.token, cursors, profiles, seconds)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.searches", description=__doc__)
    parser.add_argument("--profiles", type=int, default=100_000, help="how many people there are")
    parser.add_argument("--seconds", type=float, default=5, help="how long each kind is asked for")
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    options = parser.parse_args()
    busy = os.getloadavg()[0]
    speeds = uvloop.run(run(options.profiles, options.seconds))
    if options.json:
        machine = {"cores": os.cpu_count(), "load_before": busy, "processes": PROCESSES}
        print(json.dumps({"machine": machine, "speeds": [asdict(one) for one in speeds]}, indent=2))
    else:
        console = Console()
        console.print(f"cores {os.cpu_count()}  load before {busy:.2f}", highlight=False)
        show(console, options.profiles, speeds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
