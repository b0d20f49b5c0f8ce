"""`python -m tests.bench.rebuild`: events a second through a rebuild, against the live projector on one log.

The log holds sealed logins with claims, addresses, user agents and sessions, and a metadata change per ten
logins. One projector applies all of it first; then the views are rebuilt from the same log with a process per
processor, compared with the live ones, and made live.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

import uvloop
from rich.console import Console

from deploy.rebuild import rebuild_access
from schemas.events import LoginSucceeded, LoginSucceededData, MetadataChanged, MetadataChangedData
from schemas.sealing.keys import SubjectKeys
from schemas.sealing.mapper import Record, seal_event
from schemas.topics import Topic
from services.ledger.keys.subject_keys import load_keyring, provider_from
from services.rebuild.rebuild import Options, Rebuilt, Step, rebuild
from services.runtime.kafka.log_writer import LogWriter
from tests.bench.crowd import document, subject
from tests.bench.meter import watch
from tests.bench.site import DATABASE, TENANT, Site, fresh_site

FIRST: Final = datetime(2025, 1, 1, tzinfo=UTC)
PEOPLE_AT_ONCE: Final = 1000
SPACE: Final = UUID(int=0x5EED)
LIMIT_SECONDS: Final = 3600.0


@dataclass(frozen=True)
class Found:
    """The rates of both ways, in events per second, and what the comparison found."""

    events: int
    people: int
    projector: float
    rebuild: float
    whole_seconds: float
    rows: int
    differences: int

    @property
    def ratio(self) -> float:
        """Of the replay to the live projector."""
        return self.rebuild / self.projector


def records_of(numbers: range, keys: list[SubjectKeys], events: int) -> list[Record]:
    """The sealed histories of some people, who sign in one after the other again and again."""
    histories = [_history(number, own, events) for number, own in zip(numbers, keys, strict=True)]
    return [record for turn in zip(*histories, strict=True) for record in turn]


def _history(number: int, keys: SubjectKeys, events: int) -> Iterator[Record]:
    shown = document(number)
    identity = shown["identities"][0]
    names = ("email", "email_verified", "name", "given_name", "family_name", "nickname", "picture")
    attributes = {name: shown[name] for name in names if name in shown}
    for turn in range(events):
        common = {
            "id": str(uuid5(SPACE, f"{number}/{turn}")),
            "source": "/vita/bench",
            "subject": subject(number),
            "time": FIRST + timedelta(minutes=number % 1000, hours=turn),
            "tenant": TENANT,
        }
        if turn % 10 == 9:
            data = MetadataChangedData(user_metadata={"theme": "dark", "turn": turn})
            yield seal_event(MetadataChanged(**common, actor="client:bench", data=data), keys)
        else:
            login = LoginSucceededData(
                connection=identity["connection"],
                strategy=identity["provider"],
                is_social=identity["isSocial"],
                root_policy="on_each_login",
                provider=identity["provider"],
                idp_id=identity["user_id"],
                attributes=attributes,
                sources={name: f"raw.{name}" for name in attributes},
                client_id="app",
                ip=f"192.0.2.{turn % 250}",
                user_agent="Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/141.0",
                session_id=f"s{number}-{turn // 3}",
            )
            actor = f"connection:{login.connection}"
            place = f"1/{number % 12}/{number * events + turn}"
            yield seal_event(LoginSucceeded(**common, actor=actor, sourceposition=place, data=login), keys)


async def fill(site: Site, people: int, events: int) -> None:
    """Give the people keys, and the log their histories."""
    keyring = await load_keyring(site.pool, provider_from(site.stack.key_provider))
    log = await LogWriter.open(site.kafka, Topic.PROFILE_EVENTS.value)
    loop = asyncio.get_running_loop()
    try:
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            waiting = []
            for start in range(0, people, PEOPLE_AT_ONCE):
                numbers = range(start, min(start + PEOPLE_AT_ONCE, people))
                keys = [SubjectKeys(1, os.urandom(32), os.urandom(32)) for _ in numbers]
                wrapped = [keyring.wrap(TENANT, subject(n), k) for n, k in zip(numbers, keys, strict=True)]
                await site.pool.execute(
                    "INSERT INTO ledger.subject_key (tenant, owner, profile, activity)"
                    " SELECT $1, * FROM unnest($2::text[], $3::bytea[], $4::bytea[])",
                    TENANT,
                    [subject(number) for number in numbers],
                    [one.profile for one in wrapped],
                    [one.activity for one in wrapped],
                )
                waiting.append(loop.run_in_executor(pool, records_of, numbers, keys, events))
                if len(waiting) > 4:
                    await log.append_many(await waiting.pop(0))
            for one in waiting:
                await log.append_many(await one)
    finally:
        await log.close()
    await site.pool.execute("ANALYZE ledger.subject_key")


async def measure(site: Site, people: int, events: int, console: Console) -> Found:
    """Fill the log, apply it, rebuild."""
    console.print(f"filling the log with {people * events:,} events of {people:,} people …")
    await fill(site, people, events)
    total = people * events
    console.print("one projector applies it …")
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch(site.projected, total, LIMIT_SECONDS))
        await site.start_worker("projector")
    seen = watching.result()
    if not seen.complete:
        raise TimeoutError(f"the projector applied {seen.done} of {total} events")
    console.print(f"projector: {seen.rate:,.0f} events/s; rebuilding …")
    access = rebuild_access(
        kafka=site.kafka,
        topic_prefix="",
        admin_url=site.stack.postgres_admin_url,
        database=DATABASE,
        role_prefix=DATABASE,
        key_provider=site.stack.key_provider,
    )
    started, phases = time.monotonic(), dict[str, float]()

    def report(step: Step) -> None:
        phases.setdefault(step.phase, time.monotonic() - started)

    rebuilt: Rebuilt = await rebuild(access, Options(), report)
    whole = time.monotonic() - started
    begun = ", ".join(f"{phase} from {at:.0f} s" for phase, at in phases.items())
    console.print(f"phases: {begun}, live after {whole:.0f} s")
    return Found(
        events=rebuilt.events,
        people=people,
        projector=seen.rate,
        rebuild=rebuilt.events / rebuilt.replay_seconds,
        whole_seconds=whole,
        rows=rebuilt.rows,
        differences=len(rebuilt.differences),
    )


async def run(people: int, events: int, console: Console) -> Found:
    """The whole bench, on a stack of its own."""
    async with fresh_site() as site:
        return await measure(site, people, events, console)


def main() -> int:
    """Measure and print; 1 when the rebuilt views differ."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.rebuild", description=__doc__)
    parser.add_argument("--people", type=int, default=5_000)
    parser.add_argument("--events", type=int, default=20, help="events of each person")
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    options = parser.parse_args()
    console = Console(stderr=options.json)
    found = uvloop.run(run(options.people, options.events, console))
    if options.json:
        print(json.dumps(asdict(found) | {"ratio": found.ratio}, indent=2))
    else:
        console.print(
            f"{found.events:,} events of {found.people:,} people, {os.cpu_count()} processors: projector"
            f" {found.projector:,.0f}/s, replay {found.rebuild:,.0f}/s, ratio {found.ratio:.1f};"
            f" {found.rows:,} rows compared, {found.differences} differences",
            highlight=False,
        )
    return 1 if found.differences else 0


if __name__ == "__main__":
    sys.exit(main())
