"""Seeded load: logins with retries, edits, creates, links and deletes, each written down in the model.

A driver does one thing at a time for one person, so that an acknowledgement orders what follows. Nothing here
waits for a fault to pass but by asking again.
"""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zlib import crc32

import httpx
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.formats import exact_json
from schemas.topics import Topic, catalogue
from services.ingest.documents import LOGINS
from tests.faults.harness.installation import EMAIL_CONNECTION, TENANT, Installation
from tests.faults.harness.model import Account, Change, Couple, Fate, Login, Model
from tests.samples.raw_logins import make_data, make_event
from tests.worlds.management import path_of

PEOPLE: Final = 16
EDITORS: Final = 5
COUPLES: Final = 3
START: Final = datetime(2026, 11, 1, tzinfo=UTC)
BACKOFF_SECONDS: Final = 0.3
GIVE_UP_SECONDS: Final = 90.0
"""How long a client repeats a request before it leaves the outcome unknown."""
PRODUCER_SECONDS: Final = 4.0


class Load:
    """Drivers that run until they are told to stop."""

    def __init__(self, site: Installation, model: Model, seed: int) -> None:
        self.site, self.model = site, model
        self.statuses: Counter[str] = Counter()
        self._seed, self._numbers = seed, itertools.count(1)
        self._moments: Counter[str] = Counter()
        self._latest: dict[str, list[tuple[Login, bytes]]] = {}
        self._stopping = asyncio.Event()
        self._drivers: list[asyncio.Task[None]] = []
        self._resources = AsyncExitStack()
        self._rounds = itertools.count()

    async def open(self) -> None:
        """Connect a gateway's producer."""
        self._producer = AIOKafkaProducer(
            **self.site.pipeline.stack.kafka.arguments(),
            acks="all",
            request_timeout_ms=int(PRODUCER_SECONDS * 1000),
        )
        await self._resources.enter_async_context(self._producer)
        self.model.couples += [
            Couple(f"google-oauth2|2{number:020}", f"github|{7000 + number}") for number in range(COUPLES)
        ]
        for couple in self.model.couples:
            await self.sign_in(couple.primary)
            await self.sign_in(couple.secondary)

    async def close(self) -> None:
        """Disconnect."""
        await self.stop()
        await self._resources.aclose()

    def start(self) -> None:
        """Have all drivers begin."""
        self._stopping.clear()
        number = next(self._rounds)
        begun: list[tuple[str, Callable[[random.Random], Awaitable[None]]]] = [
            *((f"person {one}", self._person(f"google-oauth2|1{one:020}")) for one in range(PEOPLE)),
            *((f"editor {one}", self._editor) for one in range(EDITORS)),
            *((f"couple {one.primary}", self._couple(one)) for one in self.model.couples),
        ]
        self._drivers = [
            asyncio.create_task(self._drive(driver, random.Random(f"{self._seed} {number} {name}")))
            for name, driver in begun
        ]

    async def stop(self) -> None:
        """Have all drivers end after what they are at."""
        self._stopping.set()
        if self._drivers:
            await asyncio.gather(*self._drivers)
        self._drivers = []

    async def _drive(self, driver: Callable[[random.Random], Awaitable[None]], draw: random.Random) -> None:
        while not self._stopping.is_set():
            await driver(draw)
            await self._pause(draw.uniform(0.1, 0.8))

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    # logins

    async def sign_in(self, account: str) -> Login:
        """One login by way of ingest, repeated until it is acknowledged."""
        login, body = self._login(account)
        await self._repeat(lambda: self._by_ingest([(login, body)]))
        return login

    def _login(self, account: str, ordered: bool = True) -> tuple[Login, bytes]:
        number = next(self._numbers)
        self._moments[account] += 1
        moment = self._moments[account]
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        login = Login(f"login-{number}", address=address, account=account, moment=moment, ordered=ordered)
        self.model.logins.append(login)
        provider, _, name = account.partition("|")
        claims: dict[str, Any] = {"sub": name, "name": f"Moment {moment}"}
        if provider == "github":
            claims = {"id": int(name), "login": f"s{name}", "name": f"Moment {moment}"}
        event = make_event(
            id=login.name,
            time=(START + timedelta(seconds=moment)).isoformat().replace("+00:00", "Z"),
            data=make_data(
                connection=provider, strategy=provider, claims=claims, ip=address, session_id=login.name
            ),
        )
        body = exact_json.dumps(event)
        self._latest[account] = [*self._latest.get(account, ()), (login, body)][-8:]
        return login, body

    def _person(self, account: str) -> Callable[[random.Random], Awaitable[None]]:
        async def drive(draw: random.Random) -> None:
            kind = draw.random()
            if kind < 0.15:
                await self._burst(account, draw)
                return
            login, body = self._login(account)
            sent = [(login, body)]
            if kind < 0.25:
                sent += [self._login(account) for _ in range(draw.randrange(1, 4))]
            if draw.random() < 0.05:
                await self._by_ingest(sent)
            else:
                await self._repeat(lambda: self._by_ingest(sent))
            if draw.random() < 0.2:
                await self._by_ingest(sent)

        return drive

    async def _burst(self, account: str, draw: random.Random) -> None:
        """Several logins past ingest, out of order and some of them twice."""
        sent = [self._login(account, ordered=False) for _ in range(draw.randrange(2, 5))]
        order = [*sent, *draw.sample(sent, draw.randrange(len(sent)))]
        draw.shuffle(order)
        await self._repeat(lambda: self._by_gateway(order))

    async def repeat_latest(self, draw: random.Random) -> None:
        """Publish some of the latest acknowledged logins of everybody once more, in any order."""
        again = [
            (login, body)
            for latest in self._latest.values()
            for login, body in latest[-4:]
            if login.fate is Fate.DONE and draw.random() < 0.5
        ]
        draw.shuffle(again)
        await self._by_gateway(again)

    async def _repeat(self, send: Callable[[], Awaitable[bool]]) -> None:
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while not await send() and time.monotonic() < deadline:
            await asyncio.sleep(BACKOFF_SECONDS)

    async def _by_ingest(self, sent: Sequence[tuple[Login, bytes]]) -> bool:
        """Whether all are acknowledged now."""
        body = b"[" + b",".join(one for _, one in sent) + b"]"
        try:
            answer = await self.site.http.post(self.site.url("ingest", LOGINS), content=body)
        except httpx.TransportError as error:
            self.statuses[f"ingest {type(error).__name__}"] += 1
            return False
        self.statuses[f"ingest {answer.status_code}"] += 1
        if answer.status_code not in (202, 503):
            return False
        results = {one.get("id"): one["status"] for one in answer.json().get("results", ())}
        for login, _ in sent:
            if results.get(login.name) == "accepted":
                login.end(Fate.DONE)
            elif results.get(login.name) == "rejected":
                self.model.contradiction(f"{login.name} is rejected: {answer.text[:300]}")
        return answer.status_code == 202

    async def _by_gateway(self, sent: Sequence[tuple[Login, bytes]]) -> bool:
        """Whether all are acknowledged by the broker now."""
        topic = self.site.pipeline.prefix + Topic.LOGINS_RAW.value
        partitions, now = catalogue()[Topic.LOGINS_RAW].partitions, int(time.time())
        done = await asyncio.gather(
            *(self._publish(topic, partitions, now, *one) for one in sent), return_exceptions=True
        )
        for (login, _), outcome in zip(sent, done, strict=True):
            if outcome is None:
                login.end(Fate.DONE)
            elif not isinstance(outcome, KafkaError):
                raise outcome
        return all(login.fate is Fate.DONE for login, _ in sent)

    async def _publish(self, topic: str, partitions: int, now: int, login: Login, body: bytes) -> None:
        key = f"{TENANT}/{login.account}".encode()
        headers = [("gateway", b"eu-1"), *self.site.pipeline.signed(body, now)]
        partition = crc32(key) % partitions
        await self._producer.send_and_wait(topic, body, key, partition, headers=headers)

    # changes through the API

    async def _ask(
        self, change: Change, method: str, path: str, headers: dict[str, str] | None = None, **request: Any
    ) -> httpx.Response | None:
        """The answer to a change, whose fate it decides."""
        given = {"x-correlation-id": change.name, **(headers or {})}
        answer = await self.site.ask(method, path, headers=given, **request)
        self.statuses[f"{method} {answer.status_code if answer else 'none'}"] += 1
        if answer is not None and answer.status_code < 300:
            change.end(Fate.DONE)
        return answer

    def _change(self, account: str) -> Change:
        change = Change(f"change-{next(self._numbers)}", account=account)
        self.model.changes.append(change)
        return change

    async def _editor(self, draw: random.Random) -> None:
        """The life of one account: it is created, edited one edit after the other, and may be deleted."""
        created = await self._create()
        if created is None:
            return
        account, etag = created
        for _ in range(draw.randrange(8)):
            edited = await self._edit(account, etag)
            if edited is None or self._stopping.is_set():
                return
            etag = edited
            await self._pause(draw.uniform(0, 0.3))
        if draw.random() < 0.4:
            await self._delete(account)

    async def _create(self) -> tuple[Account, str] | None:
        """A new account that the API shows, with its ETag; None when it is not known whether it exists."""
        number = next(self._numbers)
        account = Account(f"email|person-{number}", f"person-{number}@example.com")
        self.model.accounts[account.user_id] = account
        change = self._change(account.user_id)
        body = {"connection": EMAIL_CONNECTION, "email": account.email, "user_id": f"person-{number}"}
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            key = {"idempotency-key": change.name}
            answer = await self._ask(change, "POST", "/api/v2/users", key, json=body)
            if change.fate is Fate.DONE and answer is not None:
                account.exists = True
                etag = await self._read(account, answer.headers["vita-position"])
                return None if etag is None else (account, etag)
            await asyncio.sleep(BACKOFF_SECONDS)
        return None

    async def _edit(self, account: Account, etag: str) -> str | None:
        """The new ETag; None when the account is better left alone."""
        change, value = self._change(account.user_id), next(self._numbers)
        before, account.touched = set(account.values), time.monotonic()
        account.values.add(value)
        answer = await self._ask(
            change,
            "PATCH",
            path_of(account.user_id),
            {"if-match": etag},
            json={"user_metadata": {"n": value}},
        )
        if change.fate is Fate.DONE and answer is not None:
            if answer.status_code == 202 and len(before) > 1:
                # an edit without an answer may have come first: then the fold turns this one down
                change.end(Fate.UNKNOWN)
            else:
                account.values = {value}
            if answer.status_code == 202:
                return await self._read(account, answer.headers["vita-position"])
            return answer.headers["etag"]
        if answer is not None and answer.status_code == 412:
            change.end(Fate.REFUSED)
            account.values = before
        return await self._read(account)

    async def _read(self, account: Account, position: str | None = None) -> str | None:
        """The ETag of an account whose value is one that it may have."""
        headers = {} if position is None else {"vita-at-least": position}
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            answer = await self.site.ask("GET", path_of(account.user_id), headers=headers)
            if answer is not None and answer.status_code == 200:
                value = answer.json().get("user_metadata", {}).get("n", 0)
                if value not in account.values:
                    self.model.contradiction(
                        f"{account.user_id} is answered with {value}, not one of {sorted(account.values)}"
                    )
                return answer.headers["etag"]
            if self._stopping.is_set() and position is None:
                return None
            await asyncio.sleep(BACKOFF_SECONDS)
        return None

    async def _delete(self, account: Account) -> None:
        deadline = time.monotonic() + GIVE_UP_SECONDS
        account.touched = time.monotonic()
        while time.monotonic() < deadline:
            account.exists = None
            change = self._change(account.user_id)
            answer = await self._ask(change, "DELETE", path_of(account.user_id))
            if change.fate is Fate.DONE and answer is not None:
                account.exists = False
                if "vita-position" not in answer.headers:
                    change.end(Fate.REFUSED)  # an earlier attempt had done it, and nothing was written now
                return
            await asyncio.sleep(BACKOFF_SECONDS)

    def _couple(self, couple: Couple) -> Callable[[random.Random], Awaitable[None]]:
        async def drive(draw: random.Random) -> None:
            await self.sign_in(draw.choice((couple.primary, couple.secondary)))
            if draw.random() < 0.5:
                await self._link_or_unlink(couple, draw)

        return drive

    async def _link_or_unlink(self, couple: Couple, draw: random.Random) -> None:
        provider, _, name = couple.secondary.partition("|")
        place = f"{path_of(couple.primary)}/identities"
        links = couple.linked is False or (couple.linked is None and draw.random() < 0.5)
        couple.linked, couple.touched = None, time.monotonic()
        if links:
            answer = await self.site.ask("POST", place, json={"provider": provider, "user_id": name})
        else:
            answer = await self.site.ask("DELETE", f"{place}/{provider}/{name}")
        self.statuses[f"{'link' if links else 'unlink'} {answer.status_code if answer else 'none'}"] += 1
        if answer is not None and answer.status_code in (200, 201):
            couple.linked = links
