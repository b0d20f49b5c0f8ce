"""Driving load into ingest: ready-made bodies as fast as it takes them, or at a steady pace."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import httpx

from schemas.formats import exact_json

BATCH = 500
IN_FLIGHT = 4
TICK_SECONDS = 0.05
_HEADERS = {"content-type": "application/x-ndjson"}


class LoadRefused(Exception):
    """Ingest did not accept everything it was given."""


@asynccontextmanager
async def gateway(url: str, token: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of ingest."""
    headers = {"authorization": f"Bearer {token}"}
    limits = httpx.Limits(max_connections=IN_FLIGHT * 4)
    async with httpx.AsyncClient(
        base_url=url, headers=headers, timeout=30, trust_env=False, limits=limits
    ) as client:
        yield client


def bodies(values: Sequence[bytes], size: int = BATCH) -> list[tuple[int, bytes]]:
    """NDJSON bodies with the number of logins in each."""
    batches = (values[start : start + size] for start in range(0, len(values), size))
    return [(len(batch), b"\n".join(batch)) for batch in batches]


async def post(client: httpx.AsyncClient, count: int, body: bytes) -> float:
    """Publish one body, again when ingest asks to; the moment it was accepted, on the monotonic clock."""
    while True:
        response = await client.post("/ingest/v1/logins", content=body, headers=_HEADERS)
        if response.status_code == httpx.codes.ACCEPTED:
            accepted = int(exact_json.loads(response.content)["accepted"])
            if accepted != count:
                raise LoadRefused(f"ingest accepted {accepted} of {count}: {response.text[:300]}")
            return time.monotonic()
        if response.status_code not in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE):
            raise LoadRefused(f"ingest answered {response.status_code}: {response.text[:300]}")
        await asyncio.sleep(float(response.headers.get("retry-after", "1")))


async def publish_all(
    client: httpx.AsyncClient, prepared: Sequence[tuple[int, bytes]], deadline: float
) -> int:
    """Publish everything with a few requests in flight; how many logins were accepted before the deadline."""
    waiting = iter(prepared)

    async def worker(rest: Iterator[tuple[int, bytes]]) -> int:
        done = 0
        for count, body in rest:
            await post(client, count, body)
            done += count
            if time.monotonic() > deadline:
                break
        return done

    async with asyncio.TaskGroup() as group:
        workers = [group.create_task(worker(waiting)) for _ in range(IN_FLIGHT)]
    return sum(task.result() for task in workers)
