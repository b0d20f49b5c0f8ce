"""`python -m tests.bench.histories`: how long one person's history takes in a long log.

Fills a log with foreign records of other people, in batches of about a megabyte, has an auditor cover it, and
asks the Management API for the history of a person with 100 events and of one with 10,000.
"""

import argparse
import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import psutil

from schemas.formats.identifiers import new_subject, record_key
from schemas.sealing.mapper import Record, seal_event
from schemas.topics import Topic
from services.ledger.keys.subject_keys import ensure_keys
from services.management.app import create_app
from services.management.container import Service, open_service
from services.runtime.kafka.log_reader import open_log
from services.runtime.kafka.log_writer import LogWriter
from tests.samples.profile_events import login
from tests.support.stack import Database, Stack, running_stack
from tests.worlds.audit_trail import FIRST_EVENT, LoggedRecord, auditing
from tests.worlds.management import path_of, settings_for

ROUNDS = 100
FEW, MANY = 100, 10_000
REPEATED = 7


def main() -> None:
    """Run the bench and print a line for each question."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.histories", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="records in the log")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    asyncio.run(_run(parser.parse_args().events))


async def _run(events: int) -> None:
    async with running_stack() as stack:
        database, prefix = await stack.place()
        settings = settings_for(stack, database, prefix, rate_limits="off", tenant_share=1)
        async with open_service(settings) as service:
            started = time.perf_counter()
            people = await _filled(stack, database, prefix, service, events)
            await _audited(stack, database, prefix)
            print(f"{events:,} records written and audited in {time.perf_counter() - started:.0f} s")
            async with _client(service) as api:
                await _measured(api, *people)


async def _filled(
    stack: Stack, database: Database, prefix: str, service: Service, events: int
) -> tuple[str, str]:
    """Fill the log; return the paths of the person with few events and of the one with many."""
    log = await LogWriter.open(stack.kafka, prefix + Topic.PROFILE_EVENTS.value)
    few, many = [await _person(database, service, name) for name in ("few", "many")]
    per_round = events // ROUNDS - (FEW + MANY) // ROUNDS
    for number in range(ROUNDS):
        records = [_foreign() for _ in range(per_round)]
        records += [few(number, n) for n in range(FEW // ROUNDS)]
        records += [many(number, n) for n in range(MANY // ROUNDS)]
        random.shuffle(records)
        await log.append_many(records)
    await log.close()
    return path_of("google-oauth2|few"), path_of("google-oauth2|many")


async def _person(database: Database, service: Service, name: str) -> Callable[[int, int], Record]:
    """A person in the directory; return what makes the person's next login."""
    subject = new_subject(datetime.now(UTC))
    async with database.connected() as admin:
        await admin.execute(
            "INSERT INTO ledger.tenant (name, display_name) VALUES ('demo', 'demo') ON CONFLICT DO NOTHING"
        )
        await admin.execute(
            "INSERT INTO ledger.directory VALUES ('demo', 'google-oauth2', $1, $2)", name, subject
        )
        keys = await ensure_keys(admin, service.storage.keyring, "demo", subject)

    def made(turn: int, number: int) -> Record:
        attributes = {"name": f"{name} {turn}", "email": f"{name}@example.com", "email_verified": True}
        place = f"1/0/{turn * MANY + number}"
        return seal_event(
            login(turn, subject=subject, idp_id=name, attributes=attributes, sourceposition=place), keys
        )

    return made


def _foreign() -> Record:
    """A record of the usual size of one of 50,000 people."""
    subject = f"sub_{random.randrange(50_000):032x}"
    value = {**FIRST_EVENT, "subject": subject, "data": {"sealed": "x" * 500}}
    return Record(record_key("demo", subject), orjson.dumps(value))


async def _audited(stack: Stack, database: Database, prefix: str) -> None:
    async with (
        open_log(stack.kafka, prefix + Topic.PROFILE_EVENTS.value) as log,
        auditing(stack, database, prefix) as auditor,
    ):
        for partition in log.partitions:
            end = await log.end(partition)
            await log.go_to(partition)
            while chunk := await log.read(end):
                await auditor.apply([LoggedRecord(partition, *record) for record in chunk])
    async with database.connected() as admin:
        await admin.execute("ANALYZE trail.leaf")


@asynccontextmanager
async def _client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    issuer = await service.auth.issuers.of()
    scopes = ["read:users", "read:user_history"]
    token = issuer.issue("bench", "demo", scopes, service.settings.token_audience, datetime.now(UTC))
    transport = httpx.ASGITransport(app=create_app(service))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://vita", headers={"authorization": f"Bearer {token}"}, timeout=120
    ) as api:
        yield api


async def _measured(api: httpx.AsyncClient, few: str, many: str) -> None:
    now = {"as_of": datetime.now(UTC).isoformat()}
    await _timed("100 events, whole history", lambda: _asked(api, f"{few}/history", take=100))
    await _timed("100 events, user as of now", lambda: _asked(api, few, **now))
    await _timed("100 events, provenance", lambda: _asked(api, f"{few}/provenance"))
    await _timed("10,000 events, newest page", lambda: _asked(api, f"{many}/history", take=100))
    await _timed("10,000 events, user as of now", lambda: _asked(api, many, **now), 1)
    for sort in ("time:1", "time:-1"):
        before = psutil.Process().memory_info().rss
        await _timed(f"10,000 events, walked by {sort}", lambda sort=sort: _walked(api, many, sort), 1)
        grown = psutil.Process().memory_info().rss - before
        print(f"    memory grew by {grown / 1e6:.0f} MB")


async def _timed(what: str, work: Callable[[], Awaitable[Any]], times: int = REPEATED) -> None:
    took, busy = [], time.process_time()
    for _ in range(times):
        started = time.perf_counter()
        await work()
        took.append(time.perf_counter() - started)
    busy = (time.process_time() - busy) / times
    median = sorted(took)[len(took) // 2]
    times_ms = f"first {took[0] * 1000:6.0f} ms, median {median * 1000:6.0f} ms"
    print(f"{what:<34} {times_ms}, of it {busy * 1000:6.0f} ms of this process")


async def _asked(api: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _walked(api: httpx.AsyncClient, path: str, sort: str) -> None:
    count, query = 0, {"sort": sort, "take": "500"}
    while True:
        page = await _asked(api, f"{path}/history", **query)
        count += len(page["events"])
        if "next" not in page:
            break
        query["from"] = page["next"]
    assert count == MANY, count


if __name__ == "__main__":
    main()
