"""A link whose process is killed is finished by the next process at once, however young it is."""

import asyncio
import os
import sys

import httpx

from tests.support.processes import free_port
from tests.support.stack import Stack
from tests.worlds.linking import Linked
from tests.worlds.management import path_of, running_site

ONE, OTHER = "google-oauth2|takeover", "github|takeover"


async def test_a_link_of_a_killed_process_is_finished_at_once(stack: Stack) -> None:
    """Between its two events a link is left alone while its process lives, and finished when it is dead."""
    async with running_site(stack, reservation_settle_seconds=3600) as site:
        world = Linked.over(site)
        await world.person(ONE)
        await world.person(OTHER)
        await site.stop_projector()
        port = free_port()
        environment = stack.environment("management", site.database, site.prefix) | {
            "VITA_HTTP_PORT": str(port), "VITA_RESERVATION_SETTLE_SECONDS": "3600",
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.management",
            env={**os.environ, **environment}, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        headers = {"authorization": f"Bearer {site.token()}"}
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=60) as doomed:

            async def healthy() -> bool:
                try:
                    return (await doomed.get("/healthz")).status_code == 200
                except httpx.TransportError:
                    return False

            async def end() -> int:
                return sum((await site.storage.log.end.ends()).values())

            await stack.until(healthy)
            before = await end()
            body = {"provider": "github", "user_id": "takeover"}
            asking = asyncio.create_task(doomed.post(f"{path_of(ONE)}/identities", json=body))

            async def half_done() -> bool:
                return await end() > before

            await stack.until(half_done)
            assert await site.service.background.recovery.sagas.settle("demo") == 0
            assert [row["holder"] for row in await world.pipeline.rows("SELECT holder FROM ledger.link")] != [
                site.storage.log.watch.holder
            ]
            process.kill()
            await process.wait()
            await asyncio.gather(asking, return_exceptions=True)
        await site.start_projector()

        async def finished() -> bool:
            await site.service.background.recovery.reconciler.sweep()
            return await world.pipeline.rows("SELECT FROM ledger.link") == []

        await stack.until(finished)
        assert len((await world.get(ONE))["identities"]) == 2
        assert await world.get(OTHER) == {}
