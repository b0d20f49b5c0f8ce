"""Who gets in, and what they can see: tokens, scopes, tenants, and the process around it all."""

import asyncio
import base64
import json
import signal
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from services.cli.addresses import Ledger
from services.cli.tenants.registration import NewClient, configure_client
from services.runtime.auth.tokens import TokenIssuer
from services.runtime.postgres.named_queries import load
from tests.support.named_queries import named_queries
from tests.support.patience import A_WHILE, soon
from tests.support.processes import HEARD, python
from tests.support.stack import Stack
from tests.worlds.management import ALL_SCOPES, Site, new_user, path_of

SECRET = "a secret long enough to be one"
USERS = "/api/v2/users"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(stack: Stack, site: Site) -> Site:
    """A site of this file's own, with an API client."""
    ledger = Ledger(site.database.url_for("vita_operator"), site.service.settings.key_provider)
    client = NewClient("demo", "the-client", "Tests", ("read:users", "create:users"), SECRET)
    assert await configure_client(ledger, stack.kafka, site.prefix + "profile.events", client)
    return site


async def ask(anonymous: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    body = {"grant_type": "client_credentials", "client_id": "the-client", "client_secret": SECRET, **changes}
    return await anonymous.post(
        "/oauth/token", json={name: value for name, value in body.items() if value is not None}
    )


async def test_a_client_gets_a_token_that_works(site: Site, anonymous: httpx.AsyncClient) -> None:
    """By JSON, by form and by HTTP Basic; the token verifies against the published keys and opens the API."""
    form = {"grant_type": "client_credentials", "client_id": "the-client", "client_secret": SECRET}
    basic = base64.b64encode(f"the-client:{SECRET.replace(' ', '+')}".encode()).decode()
    answers = [
        await ask(anonymous, audience="http://vita/api/v2/"),
        await anonymous.post("/oauth/token", data=form),
        await anonymous.post(
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            headers={"authorization": f"Basic {basic}"},
        ),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        body = answer.json()
        assert (body["token_type"], body["expires_in"]) == ("Bearer", 86400)
        assert body["scope"] == "read:users create:users"
        keys = KeySet.import_key_set((await anonymous.get("/.well-known/jwks.json")).json())
        claims = jwt.decode(body["access_token"], keys, ["RS256"]).claims
        assert (claims["sub"], claims["tenant"], claims["azp"]) == (
            "the-client@clients",
            "demo",
            "the-client",
        )
        read = await anonymous.get(USERS, headers={"authorization": f"Bearer {body['access_token']}"})
        assert read.status_code == 200


async def test_fewer_scopes_can_be_asked_for(anonymous: httpx.AsyncClient) -> None:
    """But no more than the client has."""
    assert (await ask(anonymous, scope="read:users")).json()["scope"] == "read:users"
    refused = await ask(anonymous, scope="read:users delete:users")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_id": "a\u0000b"}, 400, "invalid_request"),
        ({"client_id": "it's; DROP"}, 401, "invalid_client"),
        ({"client_secret": None}, 400, "invalid_request"),
        ({"grant_type": None}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"audience": "https://elsewhere.example/api/v2/"}, 403, "access_denied"),
        ({"scope": 7}, 400, "invalid_request"),
    ],
)
async def test_errors_of_the_token_endpoint_are_oauths(
    anonymous: httpx.AsyncClient, changes: dict[str, Any], status: int, error: str
) -> None:
    """RFC 6749 bodies; a wrong secret and an unknown client get equal errors."""
    answer = await ask(anonymous, **changes)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert set(answer.json()) == {"error", "error_description"}
    assert SECRET not in answer.text


async def test_the_issuer_describes_itself(site: Site, anonymous: httpx.AsyncClient) -> None:
    """Discovery names the token endpoint and the keys."""
    found = (await anonymous.get("/.well-known/openid-configuration")).json()
    issuer = site.service.settings.token_issuer
    assert (found["issuer"], found["token_endpoint"]) == (issuer, f"{issuer}oauth/token")
    assert found["jwks_uri"] == f"{issuer}.well-known/jwks.json"


async def test_only_good_tokens_open_the_api(site: Site, anonymous: httpx.AsyncClient) -> None:
    """Missing, opaque, altered, expired, foreign and unsigned tokens get their documented answers."""
    service, now = site.service, datetime.now(UTC)
    stranger = TokenIssuer(RSAKey.generate_key(2048, {"kid": site.issuer.kid}), service.settings.token_issuer)
    good = site.token()
    head, payload, signature = good.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"x"}').decode().rstrip("=")
    cases = [
        (None, 401, "Missing authentication"),
        ("Bearer abc", 400, "Bad HTTP authentication header format"),
        (f"Basic {good}", 400, "Bad HTTP authentication header format"),
        (
            f"Bearer {site.token(now=now - timedelta(days=2))}",
            401,
            "Expired token received for JSON Web Token validation",
        ),
        (f"Bearer {site.token(audience='https://else.example/')}", 401, "Invalid token"),
        (
            f"Bearer {stranger.issue('a', 'demo', ALL_SCOPES, service.settings.token_audience, now)}",
            401,
            "Invalid signature received for JSON Web Token validation",
        ),
        (
            f"Bearer {head}.{payload}.{signature[::-1]}",
            401,
            "Invalid signature received for JSON Web Token validation",
        ),
        (f"Bearer {none}.{payload}.", 401, "Invalid token"),
    ]
    for header, status, message in cases:
        answer = await anonymous.get(USERS, headers={} if header is None else {"authorization": header})
        assert (answer.status_code, answer.json()["message"]) == (status, message)
        assert answer.json()["statusCode"] == status


async def test_tenants_never_meet(site: Site) -> None:
    """Another tenant's token finds, changes and deletes nothing, and may use equal values for its own
    objects."""
    demo, other = site.client(), site.client(tenant="other")
    user = (await demo.post(USERS, json=new_user(email="mine@example.com"))).json()
    path = path_of(user["user_id"])
    assert (await other.get(path)).status_code == 404
    assert (await other.patch(path, json={"name": "Stolen"})).status_code == 404
    assert (await other.delete(path)).status_code == 204
    assert (await other.get("/api/v2/users-by-email", params={"email": "mine@example.com"})).json() == []
    assert (await other.get(USERS)).json() == []
    assert (await demo.get(path)).json() == user
    connection = (await demo.get("/api/v2/connections")).json()[0]
    assert (await other.get(f"/api/v2/connections/{connection['id']}")).status_code == 404
    assert (await other.post(USERS, json=new_user(email="mine@example.com"))).status_code == 201


async def test_even_a_query_without_a_tenant_sees_one_only(site: Site) -> None:
    """Row-level security on every table the API's role can read; without a tenant there is nothing at all."""
    await site.client().post(USERS, json=new_user(email="walled@example.com"))
    database = site.storage.database
    tables = ("views.profile", "views.search", "views.activity", "views.connection", "ledger.directory",
              "ledger.reservation", "ledger.subject_key")  # fmt: skip
    for tenant, expected in (("demo", {"demo"}), ("other", {"other"}), ("nobody", set())):
        for table in tables:
            async with database.connection(tenant) as connection:
                rows = await connection.fetch(f"SELECT DISTINCT tenant FROM {table}")
            assert {row["tenant"] for row in rows} <= expected, (tenant, table)
    async with database.connection("other") as connection:
        assert await connection.fetchval("SELECT count(*) FROM views.client WHERE tenant = 'demo'") == 0


async def test_every_query_prepares(site: Site) -> None:
    """Every named query prepares with the rights of the API's role."""
    async with site.storage.database.connection("demo") as connection:
        for package, file, name in named_queries():
            if package.startswith("services.queries"):
                await connection.prepare(load(package, file)[name])


async def test_a_pooled_connection_sees_the_tenant_of_its_request(site: Site) -> None:
    """Interleaved requests of two tenants over one pool each see their own."""
    demo, other = site.client(), site.client(tenant="other")
    await demo.post(USERS, json=new_user(email="pooled@example.com"))
    query = {"email": "pooled@example.com"}
    answers = await asyncio.gather(
        *((demo, other)[n % 2].get("/api/v2/users-by-email", params=query) for n in range(60))
    )
    assert [len(answer.json()) for answer in answers] == [1, 0] * 30


def free_port() -> int:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


HOSTILE_TARGETS = {
    f"{USERS}/auth0|a%2Fb|c": 200,
    f"{USERS}/auth0|a/b|c": 404,
    f"{USERS}/%": 404,
    f"{USERS}/%zz": 404,
    f"{USERS}/%00": 404,
    f"{USERS}/%ff": 400,
    f"{USERS}?q={'a' * 50_000}": 414,
    f"{USERS}/{'a' * 50_000}": 414,
    f"{USERS}?fields=%ff": 400,
}


async def raw_status(port: int, target: str, authorization: str) -> int:
    """What a request is answered whose target no client library would send like this."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = (f"GET {target} HTTP/1.1", "host: vita", f"authorization: {authorization}", "connection: close")
    writer.write("\r\n".join((*lines, "", "")).encode())
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return int(line.split()[1])


async def test_the_process_serves_and_ends_on_sigterm(site: Site, stack: Stack) -> None:
    """`python -m services.management`: ready by /healthz, raw paths, a log without names, 0 after SIGTERM."""
    port = free_port()
    environment = stack.environment("management", site.database, site.prefix) | {"VITA_HTTP_PORT": str(port)}
    headers = {"authorization": f"Bearer {site.token()}"}
    base = f"http://127.0.0.1:{port}"
    async with (
        python("-m", "services.management", env=environment, stderr=HEARD) as process,
        httpx.AsyncClient(base_url=base, headers=headers, trust_env=False, timeout=A_WHILE) as api,
    ):

        async def healthy() -> bool:
            try:
                return (await api.get("/healthz")).status_code == 200
            except httpx.TransportError:
                return False

        await stack.until(healthy)
        made = await api.post(USERS, json=new_user(email="process@example.com", user_id="a/b|c"))
        assert made.status_code == 201
        read = await api.get(f"{USERS}/auth0%7Ca%2Fb%7Cc?fields=email")
        assert read.json() == {"email": "process@example.com"}
        assert (await api.patch(path_of("auth0|a/b|c"), json={"password": "slow enough"})).status_code == 200
        for target, status in HOSTILE_TARGETS.items():
            assert await raw_status(port, target, headers["authorization"]) == status, target
        process.send_signal(signal.SIGTERM)
        _, log = await soon(process.communicate())
    assert process.returncode == 0
    assert b"/api/v2/users/{id}" in log
    for secret in (
        b"process@example.com",
        b"a/b",
        b"a%2Fb",
        b"slow enough",
        headers["authorization"].encode(),
    ):
        assert secret not in log


async def test_every_response_has_an_id_that_is_in_the_access_log(
    site: Site, anonymous: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every response has an id of Vita, and one line of the access log has it with the caller."""
    api = site.client()
    given = {"x-request-id": "mine"}
    answers = [
        await api.get(USERS, headers=given),
        await api.post(USERS, json=new_user(), headers=given),
        await api.get(path_of("auth0|nobody"), headers=given),
        await anonymous.get(USERS, headers=given),
        await api.get("/nowhere", headers=given),
        await api.put(USERS, headers=given),
        await api.get(f"{USERS}?q={'x' * 40_000}", headers=given),
        await ask(anonymous, client_secret="wrong"),
        await anonymous.get("/docs"),
    ]
    assert [answer.status_code for answer in answers] == [200, 201, 404, 401, 404, 405, 414, 401, 200]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len({uuid.UUID(one) for one in ids if uuid.UUID(one).version == 7}) == len(ids)
    logged: dict[str, dict[str, Any]] = {}

    def all_logged() -> bool:
        lines = [line for line in capsys.readouterr().err.splitlines() if '"http_request"' in line]
        logged.update({one["request_id"]: one for one in map(json.loads, lines)})
        return logged.keys() >= set(ids)

    await site.stack.until(all_logged)
    assert [(logged[one]["status"], logged[one].get("client")) for one in ids] == [
        (200, "tests"), (201, "tests"), (404, "tests"), (401, None), (404, None), (405, None), (414, None),
        (401, None), (200, None),
    ]  # fmt: skip
    assert logged[ids[1]]["position"] == answers[1].headers["vita-position"]
    assert logged[ids[0]]["tenant"] == "demo"
