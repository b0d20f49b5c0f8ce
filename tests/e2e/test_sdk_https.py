"""The official Python SDK by domain, over HTTPS with a certificate of the local authority."""

import signal
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio

from deploy.local.state import StateFolder
from deploy.local.tls.certificates import Certificates, ensure_certificates
from services.cli.addresses import Ledger
from services.cli.tenants.registration import NewClient, configure_client
from tests.support.pages import loaded_by
from tests.support.patience import soon
from tests.support.processes import HEARD, free_port, python
from tests.support.stack import Stack
from tests.worlds.management import ALL_SCOPES, PASSWORD, running_site

CLIENT, SECRET = "sdk-https", "the secret of the SDK's client"
APPLICATION = """
import asyncio, os
from auth0.management import AsyncManagementClient, ManagementClient

env = os.environ
tenant = {"domain": env["DOMAIN"], "client_id": env["CLIENT"], "client_secret": env["SECRET"]}
sdk = ManagementClient(**tenant)
made = sdk.users.create(
    connection="Username-Password-Authentication", email="https@example.com", password=os.environ["PASSWORD"]
)
print(sdk.users.get(made.user_id).email)
sdk.users.update(made.user_id, name="Jane")
print(*[user.name for user in sdk.users.list()])

async def main():
    twin = AsyncManagementClient(**tenant)
    print(*[connection.name async for connection in await twin.connections.list()])

asyncio.run(main())
"""
"""The code of an application. It runs in a separate process, because the SDK never closes the connections
that it opens for tokens."""


@dataclass
class Server:
    domain: str
    certificates: Certificates


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A process that serves HTTPS on a free port, and a client in its tenant."""
    state = StateFolder(tmp_path_factory.mktemp("tls") / "state")
    state.create()
    certificates, port = ensure_certificates(state, "localhost"), free_port()
    domain = f"localhost:{port}"
    async with running_site(stack) as site:
        ledger = Ledger(site.database.url_for("vita_operator"), site.service.settings.key_provider)
        client = NewClient("demo", CLIENT, "SDK", tuple(ALL_SCOPES), SECRET)
        assert await configure_client(ledger, stack.kafka, site.prefix + "profile.events", client)
        environment = stack.environment("management", site.database, site.prefix) | {
            "VITA_HTTP_PORT": str(port),
            "VITA_TOKEN_ISSUER": f"https://{domain}/",
            "VITA_TOKEN_AUDIENCE": f"https://{domain}/api/v2/",
            "VITA_TLS_CERTIFICATE": str(certificates.certificate),
            "VITA_TLS_KEY": str(certificates.key),
        }
        trusting = ssl.create_default_context(cafile=certificates.authority)

        async def healthy() -> bool:
            try:
                async with httpx.AsyncClient(trust_env=False, verify=trusting) as http:
                    return (await http.get(f"https://{domain}/healthz")).status_code == 200
            except httpx.TransportError:
                return False

        async with python("-m", "services.management", env=environment) as process:
            await stack.until(healthy)
            yield Server(domain, certificates)
            process.send_signal(signal.SIGTERM)
            assert await soon(process.wait()) == 0


async def test_the_sdk_works_by_domain(server: Server) -> None:
    """With domain, client id and secret, as with any tenant of Auth0; it fetches its own tokens."""
    trust = {"SSL_CERT_FILE": str(server.certificates.bundle)}
    given = {"DOMAIN": server.domain, "CLIENT": CLIENT, "SECRET": SECRET, "PASSWORD": PASSWORD}
    async with python("-c", APPLICATION, env=trust | given, stdout=HEARD, stderr=HEARD) as process:
        shown, trouble = await soon(process.communicate())
    assert (process.returncode, trouble) == (0, b"")
    assert shown.decode().split() == ["https@example.com", "Jane", "Username-Password-Authentication"]


async def test_browsers_are_held_to_https(server: Server) -> None:
    """Under TLS every answer, errors and documents included, carries HSTS and the other security headers."""
    trusting = ssl.create_default_context(cafile=server.certificates.authority)
    async with httpx.AsyncClient(trust_env=False, verify=trusting) as http:
        page = (await http.get(f"https://{server.domain}/docs")).text
        loaded = [(path, 200) for path in loaded_by(page)]
        assert len(loaded) == 4
        for path, status in (("/docs", 200), *loaded, ("/api/v2/users", 401), ("/nowhere", 404)):
            answer = await http.get(f"https://{server.domain}{path}")
            assert answer.status_code == status
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"


async def test_a_client_that_does_not_trust_the_authority_is_not_served(server: Server) -> None:
    """The certificate is checked: an unknown authority ends the handshake, and so does plain HTTP."""
    async with httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await http.get(f"https://{server.domain}/healthz")
        with pytest.raises(httpx.TransportError):
            await http.get(f"http://{server.domain}/healthz")
