"""The demo gateway's client: sends raw logins to ingest in batches and waits as long as ingest asks."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

import httpx
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from schemas.formats import exact_json

BATCH: Final = 500
PATIENCE_SECONDS: Final = 120.0
_NDJSON: Final = "application/x-ndjson"


class DemoError(Exception):
    """The demo cannot continue. The message says what to do."""


class _Rate(ProgressColumn):
    """Shows logins per second so far."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="progress.data.speed")


def progress_bar(console: Console, unit: str) -> Progress:
    """Return a progress bar with description, count, rate and elapsed time."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit), _Rate())
    return Progress(*columns, TimeElapsedColumn(), console=console)


def batches(events: Iterable[dict[str, Any]], size: int = BATCH) -> Iterator[list[dict[str, Any]]]:
    """Return the events in lists of up to `size`, in order."""
    rest = iter(events)
    while batch := list(islice(rest, size)):
        yield batch


async def publish(
    client: httpx.AsyncClient, events: list[dict[str, Any]], progress: Progress
) -> Counter[str]:
    """Send all events, one batch after another so that a user's logins keep their order.

    Returns how many were accepted (key `accepted`) and rejected (by reason). Raises DemoError when ingest
    refuses a request or accepts nothing for too long.
    """
    outcome: Counter[str] = Counter()
    task = progress.add_task("publishing", total=len(events))
    for batch in batches(events):
        outcome += _count(await _send(client, b"\n".join(map(exact_json.dumps, batch))))
        progress.advance(task, len(batch))
    return outcome


async def _send(client: httpx.AsyncClient, body: bytes) -> dict[str, Any]:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                response = await _attempt(client, body)
                if response is not None and response.status_code == httpx.codes.ACCEPTED:
                    answer: dict[str, Any] = exact_json.loads(response.content)
                    return answer
                await asyncio.sleep(_pause(response))
    except TimeoutError:
        raise DemoError(
            f"ingest has accepted no logins for {PATIENCE_SECONDS:.0f} s: see `make logs`"
        ) from None


async def _attempt(client: httpx.AsyncClient, body: bytes) -> httpx.Response | None:
    try:
        return await client.post("/ingest/v1/logins", content=body, headers={"content-type": _NDJSON})
    except httpx.TransportError:
        return None


def _pause(response: httpx.Response | None) -> float:
    if response is None:
        return 0.5
    if response.status_code not in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE):
        raise DemoError(f"ingest refused the logins with {response.status_code}: {response.text[:300]}")
    value = response.headers.get("retry-after", "1")
    return min(float(value) if value.replace(".", "", 1).isdigit() else 1.0, 30.0)


def _count(answer: dict[str, Any]) -> Counter[str]:
    refused = Counter(
        f"{result.get('reason', 'no reason')}: {result.get('detail', '')}"
        for result in answer.get("results", ())
        if result.get("status") == "rejected"
    )
    return refused + Counter(accepted=int(answer["accepted"]))
