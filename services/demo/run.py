"""The demo: publishes a population, waits until it is visible, makes a few edits, and shows the result."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import httpx
from rich.console import Console

from schemas.formats import exact_json
from services.demo import edits, golden, show
from services.demo.gateway import DemoError, progress_bar, publish
from services.demo.logins import logins
from services.demo.population import Population, plain_user_id

History = Callable[[str], Awaitable[list[dict[str, Any]]]]

STALLED_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.2
PAGE: Final = 100
LISTED: Final = 2000


async def run(
    ingest_url: str,
    management_url: str,
    token: str,
    console: Console,
    *,
    size: int,
    seed: int,
    now: datetime,
    tenant: str = "demo",
    history: History | None = None,
    verify: ssl.SSLContext | bool = True,
) -> None:
    """Publish, wait, edit and show. Running it again adds nothing.

    `history` reads a user's events from the log; `verify` is httpx's parameter for certificates. Raises
    DemoError with a message that says what to do.
    """
    population = Population(seed=seed, size=size, tenant=tenant)
    async with AsyncExitStack() as stack:
        ingest = await stack.enter_async_context(_client(ingest_url, token, verify))
        management = await stack.enter_async_context(_client(management_url, token, verify))
        try:
            await _fill(ingest, management, console, population, now)
            await _edit(management, console, population)
            await _show(management, console, history)
        except httpx.TransportError as error:
            raise DemoError(
                f"a service stopped answering ({type(error).__name__}): see `make logs`"
            ) from error
    console.print(f"Management API  [link]{management_url}/api/v2/users[/link]")
    console.print(f"Ingest          [link]{ingest_url}/ingest/v1/logins[/link]")


def _client(url: str, token: str, verify: ssl.SSLContext | bool) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.AsyncClient(
        base_url=url, headers=headers, timeout=httpx.Timeout(60), trust_env=False, verify=verify
    )


async def _fill(
    ingest: httpx.AsyncClient,
    management: httpx.AsyncClient,
    console: Console,
    population: Population,
    now: datetime,
) -> None:
    if await _already_there(management, population):
        console.print("The demo population exists already; nothing was published.")
        return
    with progress_bar(console, "logins") as progress:
        outcome = await publish(ingest, list(logins(population, now)), progress)
    accepted = outcome.pop("accepted", 0)
    if outcome:
        reasons = "; ".join(f"{count} with {reason}" for reason, count in outcome.most_common(5))
        raise DemoError(f"ingest accepted {accepted} logins and refused {outcome.total()}: {reasons}")
    await _until_visible(management, console, population.profiles() + 1)


async def _already_there(management: httpx.AsyncClient, population: Population) -> bool:
    """Return whether the population has been published before.

    The golden user's newest login is published last: if it and a member of this population are visible,
    everything was accepted before.
    """
    if not await _golden_is_complete(management):
        return False
    names = (
        plain_user_id(member, member.connections[0])
        for member in map(population.member, range(population.size))
    )
    last = [user_id for user_id in names if user_id is not None][-3:]
    return any([await _user(management, user_id) is not None for user_id in last])


async def _golden_is_complete(management: httpx.AsyncClient) -> bool:
    user = await _user(management, golden.USER_ID)
    return user is not None and int(user.get("logins_count", 0)) >= golden.SUCCESSES


async def _until_visible(management: httpx.AsyncClient, console: Console, expected: int) -> None:
    """Wait until the profiles are visible. Raises DemoError when their number stops growing."""
    with progress_bar(console, "profiles") as progress:
        task = progress.add_task("visible   ", total=expected)
        total, moved = -1, time.monotonic()
        while True:
            before, total = total, await _total(management)
            progress.update(task, completed=min(total, expected))
            if total >= expected and await _golden_is_complete(management):
                return
            moved = time.monotonic() if total != before else moved
            if time.monotonic() - moved > STALLED_SECONDS:
                raise DemoError(_stalled(total, expected))
            await asyncio.sleep(POLL_SECONDS)


def _stalled(total: int, expected: int) -> str:
    return (
        f"{total} of {expected} profiles are visible and none was added for {STALLED_SECONDS:.0f} s: "
        "`vita status` shows which worker lags behind, `make logs` why"
    )


async def _edit(management: httpx.AsyncClient, console: Console, population: Population) -> None:
    for edit in edits.edits(population):
        console.print(
            f"  {edit.title:<16}{edit.user_id:<42} {await edits.apply(management, edit)}", markup=False
        )
    outcome = await edits.create_database_user(management)
    console.print(f"  {'new user':<16}{edits.NEW_USER_EMAIL:<42} {outcome}", markup=False, highlight=False)


async def _show(management: httpx.AsyncClient, console: Console, history: History | None) -> None:
    users, total = await _list(management), await _total(management)
    profile = await _user(management, golden.USER_ID)
    if profile is None:
        raise DemoError(f"{golden.USER_ID} has been deleted: restore it, or start afresh with `make clean`")
    show.profiles(console, show.one_per_connection([profile, *users], golden.USER_ID), total)
    show.strategies(console, users, total)
    show.claims_and_profile(console, golden.last_claims(), profile)
    if history is not None:
        show.events(console, await history(golden.USER_ID))


async def _user(management: httpx.AsyncClient, user_id: str) -> dict[str, Any] | None:
    response = await management.get(f"/api/v2/users/{quote(user_id, safe='')}")
    return None if response.status_code == httpx.codes.NOT_FOUND else _object(response)


async def _total(management: httpx.AsyncClient) -> int:
    response = await management.get("/api/v2/users", params={"include_totals": "true", "per_page": 1})
    return int(_object(response)["total"])


async def _list(management: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Return the first pages of users, as far as the API allows paging."""
    users: list[dict[str, Any]] = []
    for page in range(LISTED // PAGE):
        response = await management.get("/api/v2/users", params={"page": page, "per_page": PAGE})
        if response.status_code == httpx.codes.BAD_REQUEST:
            break
        found: list[dict[str, Any]] = _json(response)
        users += found
        if len(found) < PAGE:
            break
    return users


def _object(response: httpx.Response) -> dict[str, Any]:
    document: dict[str, Any] = _json(response)
    return document


def _json(response: httpx.Response) -> Any:
    if response.is_error:
        raise DemoError(
            f"GET {response.request.url.path} answered {response.status_code}: {response.text[:300]}"
        )
    return exact_json.loads(response.content)
