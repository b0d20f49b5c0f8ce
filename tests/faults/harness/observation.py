"""Reads what can be seen of an installation at rest: the views, the API, the log, the trail, the letters."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from schemas.formats import exact_json
from schemas.topics import Topic, catalogue
from services.ledger.dead_letters import DeadLetter
from tests.faults.harness.checker import LogEntry, Seen, Session
from tests.faults.harness.installation import TENANT, Installation
from tests.faults.harness.model import POISON, Model, Poison
from tests.worlds.management import path_of

AT_ONCE = 16
PAGE = 100


async def at_rest(site: Installation) -> bool:
    """Whether every record was handled by everybody, and no link is under way."""
    raw = await _ends(site, Topic.LOGINS_RAW)
    if await _committed(site) != {place: end for place, end in raw.items() if end}:
        return False
    ends = {place: end for place, end in (await _ends(site, Topic.PROFILE_EVENTS)).items() if end}
    topic = site.pipeline.prefix + Topic.PROFILE_EVENTS.value
    projected = await site.pipeline.rows(
        "SELECT partition, next_offset FROM ledger.position JOIN ledger.generation"
        " ON number = generation AND state = 'live' WHERE topic = $1 AND next_offset > 0",
        topic,
    )
    audited = await site.pipeline.rows(
        "SELECT partition, max(log_offset) + 1 AS next_offset FROM trail.leaf GROUP BY 1"
    )
    reached = [{row["partition"]: row["next_offset"] for row in rows} for rows in (projected, audited)]
    return reached == [ends, ends] and not await site.pipeline.rows("SELECT FROM ledger.link")


async def _ends(site: Installation, topic: Topic) -> dict[int, int]:
    name = site.pipeline.prefix + topic.value
    places = [TopicPartition(name, number) for number in range(catalogue()[topic].partitions)]
    async with AIOKafkaConsumer(**site.pipeline.stack.kafka.arguments()) as consumer:
        return {place.partition: end for place, end in (await consumer.end_offsets(places)).items()}


async def _committed(site: Installation) -> dict[int, int]:
    admin = AIOKafkaAdminClient(**site.pipeline.stack.kafka.arguments())
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(f"{site.pipeline.prefix}vita-normalizer")
    finally:
        await admin.close()
    return {place.partition: one.offset for place, one in found.items() if one.offset > 0}


async def observe(site: Installation, model: Model) -> Seen:
    """Read everything that the checker compares."""
    log = await _log(site)
    counts = await _counts(site)
    entries, sessions, trail = await _entries(site), await _sessions(site), await _trail(site)
    logins = {login.account for login in model.logins}
    letters = await _letters(site)
    return Seen(
        entries=entries,
        documents=await _documents(site, sorted(logins | model.accounts.keys())),
        counts=counts,
        sessions=sessions,
        listed=await _listed(site),
        found=await _found(site, [account.email for account in model.accounts.values()]),
        log=log,
        trail=trail,
        letters=frozenset(map(_place, letters)),
        wrongly_quarantined=frozenset(_place(one) for one in letters if POISON not in (one.value or POISON)),
    )


async def _entries(site: Installation) -> list[LogEntry]:
    rows = await site.pipeline.rows(
        "SELECT log_id, type, user_id, ip, more FROM views.log_entry WHERE tenant = $1", TENANT
    )
    return [
        LogEntry(row["log_id"], row["type"], row["user_id"], row["ip"], _correlation(row["more"]))
        for row in rows
    ]


def _correlation(more: str | None) -> str | None:
    found: Any = {} if more is None else exact_json.loads(more)
    return found.get("references", {}).get("correlation_id")  # type: ignore[no-any-return]


async def _counts(site: Installation) -> dict[str, int]:
    counts: defaultdict[str, int] = defaultdict(int)
    for row in await site.pipeline.rows(
        "SELECT user_id, logins_count FROM views.activity JOIN views.profile USING (tenant, subject)"
        " WHERE document IS NOT NULL"
    ):
        counts[row["user_id"]] += row["logins_count"] or 0
    for row in await site.pipeline.rows(
        "SELECT associations FROM views.profile WHERE associations IS NOT NULL"
    ):
        merged = exact_json.loads(row["associations"]).get("merged")
        if merged is not None:
            counts[merged["document"]["user_id"]] += merged["document"].get("logins_count", 0)
    return counts


async def _sessions(site: Installation) -> list[Session]:
    rows = await site.pipeline.rows(
        "SELECT user_id, id FROM views.session JOIN views.profile USING (tenant, subject)"
    )
    return [Session(row["user_id"] or "", row["id"]) for row in rows]


async def _trail(site: Installation) -> dict[int, list[tuple[int, bytes]]]:
    found: defaultdict[int, list[tuple[int, bytes]]] = defaultdict(list)
    for row in await site.pipeline.rows(
        "SELECT partition, log_offset, hash FROM trail.leaf ORDER BY partition, leaf_index"
    ):
        found[row["partition"]].append((row["log_offset"], row["hash"]))
    return found


async def _log(site: Installation) -> dict[int, list[tuple[int, bytes]]]:
    found: defaultdict[int, list[tuple[int, bytes]]] = defaultdict(list)
    for record in await site.pipeline.logged(Topic.PROFILE_EVENTS):
        leaf = hashlib.sha256(b"\x00" + (record.value or b"")).digest()
        found[record.partition].append((record.offset, leaf))
    return found


async def _letters(site: Installation) -> list[DeadLetter]:
    return [
        letter
        for topic in (Topic.LOGINS_RAW_DLQ, Topic.PROFILE_EVENTS_DLQ)
        for letter in await site.pipeline.letters(topic)
    ]


def _place(letter: DeadLetter) -> Poison:
    return Poison(letter.topic, letter.partition, letter.offset)


async def _get(site: Installation, path: str, **query: Any) -> Any:
    """The body of an answer; None for 404. Raises RuntimeError for any other answer."""
    answer = await site.ask("GET", path, params=query)
    if answer is not None and answer.status_code == 404:
        return None
    if answer is None or answer.status_code != 200:
        raise RuntimeError(f"GET {path}: {answer and answer.text[:200]}")
    return answer.json()


async def _documents(site: Installation, accounts: list[str]) -> Mapping[str, Any]:
    free = asyncio.Semaphore(AT_ONCE)

    async def read(account: str) -> Any:
        async with free:
            return await _get(site, path_of(account))

    return dict(zip(accounts, await asyncio.gather(*map(read, accounts)), strict=True))


async def _listed(site: Installation) -> list[str]:
    found: list[str] = []
    for page in range(1000):
        query = {"per_page": PAGE, "page": page, "sort": "created_at:1"}
        users = await _get(site, "/api/v2/users", **query)
        found += [user["user_id"] for user in users]
        if len(users) < PAGE:
            break
    return found


async def _found(site: Installation, emails: list[str]) -> dict[str, list[tuple[str, int]]]:
    free = asyncio.Semaphore(AT_ONCE)

    async def search(email: str) -> list[tuple[str, int]]:
        async with free:
            users = await _get(site, "/api/v2/users", q=f'email:"{email}"', search_engine="v3")
        return [(user["user_id"], user.get("user_metadata", {}).get("n", 0)) for user in users]

    return dict(zip(emails, await asyncio.gather(*map(search, emails)), strict=True))
