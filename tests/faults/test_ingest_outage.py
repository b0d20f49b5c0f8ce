"""Ingest while its broker hangs, dies and comes back: never a false 202, and no help needed afterwards."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psutil
import pytest
import pytest_asyncio

from deploy.local.stack import LocalStack
from schemas.formats import exact_json
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.topics import ensure_topics
from tests.samples.raw_logins import make_data, make_event
from tests.support.stack import Stack
from tests.worlds.ingest import LOGINS, IngestSite, make_ingest_site

ACK_SECONDS = 1.0


class Broker:
    """A broker of this module's own, to be ill-treated."""

    def __init__(self, local: LocalStack, access: KafkaAccess) -> None:
        self._local, self.access = local, access

    @property
    def process(self) -> psutil.Process:
        process = self._local.processes.find("kafka")
        assert process is not None
        return process

    async def kill(self) -> None:
        await self._local.stop("kafka", budget_s=0)

    async def start(self) -> None:
        assert await self._local.ensure_kafka() == self.access


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Broker]:
    folder: Path = tmp_path_factory.mktemp("broker")
    local = LocalStack(folder)
    with local.state.lock():
        try:
            yield Broker(local, await local.ensure_kafka())
        finally:
            await local.stop("kafka", budget_s=0)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(stack: Stack, broker: Broker) -> IngestSite:
    made = await make_ingest_site(stack)
    await ensure_topics(broker.access, made.prefix)
    return made


async def send(client: httpx.AsyncClient, *ids: str) -> httpx.Response:
    events = [make_event(id=name, data=make_data(claims={"sub": name})) for name in ids]
    return await client.post(LOGINS, content=exact_json.dumps(events))


async def accepted(client: httpx.AsyncClient, *ids: str) -> bool:
    return (await send(client, *ids)).status_code == 202


async def test_a_broker_that_hangs_and_dies(site: IngestSite, broker: Broker) -> None:
    """503 to who waits, 503 without a try to who comes while it lasts, and 202 by itself once the broker is
    back."""
    async with site.client(kafka=broker.access, ack_seconds=ACK_SECONDS) as client:
        await site.stack.until(lambda: accepted(client, "before"))

        broker.process.suspend()
        hung = await asyncio.gather(*(send(client, f"hung-{n}", f"hung-{n}b") for n in range(10)))
        assert {response.status_code for response in hung} == {503}
        assert {result["status"] for response in hung for result in response.json()["results"]} == {"retry"}
        assert (await send(client, "refused")).status_code == 503
        assert (await client.get("/healthz")).status_code == 503
        broker.process.resume()
        await site.stack.until(lambda: accepted(client, "resumed"))

        await broker.kill()
        dead = await send(client, "dead")
        assert dead.status_code == 503
        await broker.start()
        await site.stack.until(lambda: accepted(client, "restarted"))
    logged = {exact_json.loads(record.value)["id"] for record in await site.logged(broker.access)}
    assert {"before", "resumed", "restarted"} <= logged
    assert "refused" not in logged


async def test_stopping_without_a_broker(site: IngestSite, broker: Broker) -> None:
    """A service whose broker hangs still stops, with a batch on its way."""
    async with site.client(kafka=broker.access, ack_seconds=ACK_SECONDS, drain_seconds=1) as client:
        await site.stack.until(lambda: accepted(client, "first"))
        broker.process.suspend()
        assert (await send(client, "last")).status_code == 503
    broker.process.resume()
