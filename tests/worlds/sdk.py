"""The Management API as the official Python SDK uses it.

`serving` runs the API as a process at a port, with a projector in another process, and an SDK with a token
that it requested. `sdk_with` connects an SDK to a site of `tests.worlds.management`, without a port.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import httpx
from auth0.management.client import AsyncAuth0

from services.cli.addresses import Ledger
from services.cli.tenants.registration import NewClient, configure_client
from tests.support.patience import A_WHILE, soon
from tests.support.processes import free_port, python
from tests.support.stack import Stack
from tests.worlds.management import ALL_SCOPES, Site, running_site

SECRET = "the secret of the SDK's client"


@dataclass
class Tenant:
    """What an application knows of its tenant."""

    url: str
    client_id: str
    sdk: AsyncAuth0


def service_of(site: Site, port: int) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
    """The service as a process on this port."""
    environment = site.stack.environment("management", site.database, site.prefix) | {
        "VITA_HTTP_PORT": str(port),
        "VITA_TOKEN_ISSUER": f"http://127.0.0.1:{port}/",
        "VITA_TOKEN_AUDIENCE": f"http://127.0.0.1:{port}/api/v2/",
    }
    return python("-m", "services.management", env=environment)


async def token_of(url: str) -> str:
    """As the SDK's own provider asks: form-encoded, with the API as audience."""
    form = {
        "grant_type": "client_credentials",
        "client_id": "sdk",
        "client_secret": SECRET,
        "audience": f"{url}/api/v2/",
    }
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{url}/oauth/token", data=form)
    answer.raise_for_status()
    token: str = answer.json()["access_token"]
    return token


@asynccontextmanager
async def serving(stack: Stack) -> AsyncIterator[Tenant]:
    """A running service and an SDK pointed at it."""
    async with running_site(stack) as site:
        ledger = Ledger(site.database.url_for("vita_operator"), site.service.settings.key_provider)
        client = NewClient("demo", "sdk", "SDK", tuple(ALL_SCOPES), SECRET)
        assert await configure_client(ledger, stack.kafka, site.prefix + "profile.events", client)
        port = free_port()
        url = f"http://127.0.0.1:{port}"

        async def healthy() -> bool:
            try:
                async with httpx.AsyncClient(trust_env=False) as http:
                    return (await http.get(f"{url}/healthz")).status_code == 200
            except httpx.TransportError:
                return False

        async with service_of(site, port) as process:
            await stack.until(healthy)
            async with httpx.AsyncClient(trust_env=False, timeout=A_WHILE) as http:
                sdk = AsyncAuth0(
                    base_url=f"{url}/api/v2", token=await token_of(url), httpx_client=http, max_retries=0
                )
                yield Tenant(url, "sdk", sdk)
            process.send_signal(signal.SIGTERM)
            assert await soon(process.wait()) == 0


def sdk_with(site: Site, token: str) -> AsyncAuth0:
    """An SDK with this token that calls the site's API in the process of the test."""
    return AsyncAuth0(base_url="http://vita/api/v2", token=token, httpx_client=site.client(), max_retries=0)
