"""Domains of tenants: each is an issuer with its own keys, for its tenant only."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
from joserfc import jwt
from joserfc.jwk import KeySet

from services.cli.addresses import Ledger
from services.cli.failure import CommandFailed
from services.cli.tenants import domains as domain_commands
from services.cli.tenants import keys as key_commands
from services.cli.tenants.registration import NewClient, configure_client
from services.ledger import tenant_domains
from services.ledger.keys import signing_keys
from services.ledger.keys.signing_keys import key_source
from services.ledger.tenant_domains import Domains, DomainVerifier, MalformedOrigin, domain_of
from services.runtime.auth import token_verifier
from services.runtime.auth.remote_keys import open_verifier
from services.runtime.auth.token_verifier import Trust
from services.runtime.auth.tokens import InvalidToken, TokenIssuer, claims_in
from tests.support.stack import Stack
from tests.worlds.management import Site, running_site

SECRET = "a secret long enough to be one"
DEMO, OTHER = "https://demo.example", "https://login.other.example:8443"
USERS = "/api/v2/users"


@pytest.fixture(autouse=True)
def always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Domains and keys are read at each use."""
    monkeypatch.setattr(tenant_domains, "FRESH_SECONDS", 0.0)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(stack: Stack) -> AsyncIterator[Site]:
    """Two tenants, each with a domain and a client."""
    async with running_site(stack, view_wait_seconds=20) as running:
        provider = running.service.settings.key_provider
        for tenant, origin in (("demo", DEMO), ("other", OTHER)):
            ledger = Ledger(running.database.url_for("vita_operator"), provider)
            client = NewClient(tenant, f"{tenant}-client", "Tests", ("read:users",), SECRET)
            assert await configure_client(ledger, stack.kafka, running.prefix + "profile.events", client)
            domain = domain_of(origin, tenant)
            await domain_commands._add(keymaster(running), domain)
        yield running


def keymaster(site: Site) -> Ledger:
    return Ledger(site.database.url_for("vita_keymaster"), site.service.settings.key_provider)


def at(site: Site, origin: str) -> httpx.AsyncClient:
    """A client without a token that reaches the API under this address."""
    client = site.client()
    client.base_url = httpx.URL(origin)
    del client.headers["authorization"]
    return client


async def token_at(site: Site, origin: str, tenant: str = "demo", **changes: Any) -> httpx.Response:
    body = {"grant_type": "client_credentials", "client_id": f"{tenant}-client", "client_secret": SECRET}
    return await at(site, origin).post("/oauth/token", json=body | changes)


async def read_at(site: Site, origin: str, token: str) -> int:
    headers = {"authorization": f"Bearer {token}"}
    return (await at(site, origin).get(USERS, headers=headers)).status_code


async def test_links_are_of_a_known_address(site: Site) -> None:
    """The `Link` of a log walk names the tenant's domain that the request came to, otherwise the configured
    address; an unknown Host is not repeated."""
    own = site.service.settings.token_issuer.rstrip("/")
    for origin, base in ((DEMO, DEMO), ("http://evil.example", own)):
        api = site.client()
        api.base_url = httpx.URL(origin)
        answer = await api.get("/api/v2/logs", params={"from": "99", "take": 2})
        assert answer.status_code == 200
        assert answer.headers["link"] == f'<{base}/api/v2/logs?from=99&take=2>; rel="next"'


def claims_of(token: str) -> dict[str, Any]:
    from joserfc import jws

    return claims_in(jws.extract_compact(token.encode()).payload)


@pytest.mark.parametrize("origin", [DEMO, OTHER])
async def test_a_domain_is_an_issuer_of_its_own(site: Site, origin: str) -> None:
    """Discovery, keys and tokens of a domain name the domain; its tokens verify with its keys only."""
    tenant = "demo" if origin == DEMO else "other"
    found = (await at(site, origin).get("/.well-known/openid-configuration")).json()
    assert found["issuer"] == f"{origin}/"
    assert found["jwks_uri"] == f"{origin}/.well-known/jwks.json"
    token = (await token_at(site, origin, tenant)).json()["access_token"]
    keys = (await at(site, origin).get("/.well-known/jwks.json")).json()
    verified = jwt.decode(token, KeySet.import_key_set(keys), algorithms=["RS256"]).claims
    assert (verified["iss"], verified["aud"]) == (f"{origin}/", f"{origin}/api/v2/")
    shared = (await at(site, "http://vita").get("/.well-known/jwks.json")).json()
    assert not {key["kid"] for key in keys["keys"]} & {key["kid"] for key in shared["keys"]}
    assert await read_at(site, origin, token) == 200
    assert await read_at(site, "http://vita", token) == 200


async def test_a_domain_serves_its_tenant_only(site: Site) -> None:
    """A client of another tenant gets no token there, and a token of another tenant opens nothing there."""
    refused = await token_at(site, DEMO, "other")
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    theirs = (await token_at(site, OTHER, "other")).json()["access_token"]
    shared = (await token_at(site, "http://vita", "other")).json()["access_token"]
    assert claims_of(shared)["iss"] == site.service.settings.token_issuer
    for token in (theirs, shared):
        assert await read_at(site, DEMO, token) == 401
        assert await read_at(site, OTHER, token) == 200


async def test_keys_sign_for_their_own_issuer_only(site: Site) -> None:
    """A key signs nothing that counts for another issuer or another tenant, not even the installation's."""
    provider = tenant_domains.TokenIssuers(
        site.storage.database.raw, provider_of(site), site.service.settings.token_issuer
    )
    demo, other = domain_of(DEMO, "demo"), domain_of(OTHER, "other")
    own, theirs, shared = await provider.of(demo), await provider.of(other), await provider.of()
    now = datetime.now(UTC)
    good = own.issue("demo-client", "demo", ["read:users"], demo.audience, now)
    assert await read_at(site, DEMO, good) == 200
    forged = [
        TokenIssuer(theirs._key, demo.issuer).issue("x", "demo", ["read:users"], demo.audience, now),
        TokenIssuer(shared._key, demo.issuer).issue("x", "demo", ["read:users"], demo.audience, now),
        TokenIssuer(theirs._key, shared.issuer).issue(
            "x", "other", ["read:users"], site.service.settings.token_audience, now
        ),
        own.issue("x", "other", ["read:users"], demo.audience, now),
        own.issue("x", "demo", ["read:users"], other.audience, now),
        own.issue("x", "demo", ["read:users"], site.service.settings.token_audience, now),
    ]
    for token in forged:
        assert [await read_at(site, place, token) for place in (DEMO, OTHER, "http://vita")] == [401] * 3


async def test_ingest_takes_tokens_of_domains(site: Site) -> None:
    """The role of ingest reads what it needs to verify them."""
    import asyncpg

    token = (await token_at(site, DEMO)).json()["access_token"]
    settings = site.service.settings
    async with asyncpg.create_pool(site.database.url_for("vita_ingest"), min_size=1) as pool:
        trust = Trust(settings.token_issuer, settings.token_audience)
        async with open_verifier(key_source(pool), trust, ()) as others:
            verifier = DomainVerifier(Domains(pool), pool, others)
            assert (await verifier.verify(token)).tenant == "demo"
            assert (await verifier.verify(site.token())).tenant == "demo"
            with pytest.raises(InvalidToken):
                await verifier.verify(token[:-8] + "AAAAAAAA")


@pytest.mark.parametrize("tenant", [None, "demo"])
async def test_no_token_is_refused_while_a_key_is_rotated(
    site: Site, tenant: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new key is published, then signs without a restart; every token issued meanwhile is valid, also the
    earlier key's."""
    monkeypatch.setattr(signing_keys, "PUBLISHED_SECONDS", 2.0)
    origin = "http://vita" if tenant is None else DEMO
    before = await access_token(site, origin)
    kid = await key_commands._rotate(keymaster(site), tenant)
    published = (await at(site, origin).get("/.well-known/jwks.json")).json()["keys"]
    assert {kid, kid_of(before)} <= {key["kid"] for key in published}

    async def signed_by_the_new_key() -> bool:
        token = await access_token(site, origin)
        assert [await read_at(site, origin, each) for each in (before, token)] == [200, 200]
        return kid_of(token) == kid

    await site.stack.until(signed_by_the_new_key)
    rows = {row["kid"]: row["state"] for row in await key_commands._list(keymaster(site).url)}
    assert (rows[kid], rows[kid_of(before)]) == ("signs", "verifies")


async def test_a_key_that_has_leaked_is_revoked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """After --revoke the new key signs at once and tokens of earlier keys are refused."""
    monkeypatch.setattr(token_verifier, "REFRESH_AT_LEAST_EVERY_SECONDS", 0.0)
    before = await access_token(site, OTHER, "other")
    kid = await key_commands._rotate(keymaster(site), "other", revoke=True)
    assert kid_of(await access_token(site, OTHER, "other")) == kid

    async def refused() -> bool:
        return await read_at(site, OTHER, before) == 401

    await site.stack.until(refused)
    rows = {row["kid"]: row["state"] for row in await key_commands._list(keymaster(site).url)}
    assert (rows[kid], rows[kid_of(before)]) == ("signs", "retired")


async def access_token(site: Site, origin: str, tenant: str = "demo") -> str:
    return str((await token_at(site, origin, tenant)).json()["access_token"])


def kid_of(token: str) -> str:
    from joserfc import jws

    return str(jws.extract_compact(token.encode()).headers()["kid"])


async def test_a_removed_domain_is_no_issuer(site: Site) -> None:
    """Its tokens are invalid and its host selects no tenant; a host belongs to one tenant at a time."""
    domain = domain_of("http://gone.example", "demo")
    await domain_commands._add(keymaster(site), replace(domain, tenant="demo"))
    with pytest.raises(CommandFailed, match="already"):
        await domain_commands._add(keymaster(site), replace(domain, tenant="other"))
    token = (await token_at(site, domain.origin)).json()["access_token"]
    assert await read_at(site, domain.origin, token) == 200
    assert await domain_commands._remove(keymaster(site).url, domain.host) == "demo"
    assert await read_at(site, domain.origin, token) == 401
    with pytest.raises(CommandFailed, match="not a domain of any tenant"):
        await domain_commands._remove(keymaster(site).url, domain.host)
    with pytest.raises(CommandFailed, match="no tenant nowhere"):
        await domain_commands._add(keymaster(site), replace(domain, tenant="nowhere"))


async def test_an_identifier_names_one_api_in_the_installation(site: Site) -> None:
    """Of two tenants that register one identifier at once, one succeeds; the Management API's identifier is
    refused."""
    body = {"identifier": "https://api.example.com", "name": "Invoices"}
    clients = [site.client(tenant=tenant) for tenant in ("demo", "other")]
    answers = await asyncio.gather(*(api.post("/api/v2/resource-servers", json=body) for api in clients))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    loser = clients[answers[0].status_code == 201]
    again = await loser.post("/api/v2/resource-servers", json=body)
    assert (again.status_code, again.json()["message"]) == (
        409,
        "A resource server with the same identifier already exists.",
    )
    for identifier in (f"{DEMO}/api/v2/", f"{OTHER}/api/v2", site.service.settings.token_audience):
        refused = await clients[0].post("/api/v2/resource-servers", json={"identifier": identifier})
        assert refused.status_code == 409
    winner = clients[answers[0].status_code != 201]
    assert (await winner.delete("/api/v2/resource-servers/https%3A%2F%2Fapi.example.com")).status_code == 204
    assert (await loser.post("/api/v2/resource-servers", json=body)).status_code == 201


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://Login.Example.com/", "https://login.example.com"),
        ("https://login.example.com:443", "https://login.example.com"),
        ("http://login.localhost:8080", "http://login.localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_origins(text: str, origin: str) -> None:
    """An origin has one spelling: small letters, no default port, no path."""
    assert domain_of(text, "demo").origin == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "login.example.com",
        "ftp://x",
        "https://",
        "https://x/y",
        "https://u:p@x",
        "https://x:y",
        "https://é",
    ],
)
def test_invalid_origins(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(MalformedOrigin):
        domain_of(text, "demo")


def provider_of(site: Site) -> Any:
    from services.ledger.keys.subject_keys import provider_from

    return provider_from(site.service.settings.key_provider)
