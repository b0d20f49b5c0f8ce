"""Domains of tenants: which tenant a Host header means, and which tokens the domain's own issuer signs."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import structlog

from schemas.errors import Transient
from schemas.sealing.keys import KeyProvider
from services.ledger.keys.signing_keys import current_key, key_source, open_signing_key
from services.runtime.auth.issuers import Verifier, claimed_issuer
from services.runtime.auth.token_verifier import TokenVerifier, Trust
from services.runtime.auth.tokens import InvalidToken, Principal, TokenIssuer, own_principal
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection, database_failures

FRESH_SECONDS: Final = 5.0
"""A new, removed or rotated domain or key is known to every process within this time."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_log = structlog.get_logger()


class MalformedOrigin(ValueError):
    """The text is not the origin of an HTTP service; the message says what is expected."""


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain of a tenant. `host` is what the Host header of its requests holds, `origin` is `scheme://host`."""

    host: str
    origin: str
    tenant: str

    @property
    def issuer(self) -> str:
        """The `iss` of its tokens."""
        return f"{self.origin}/"

    @property
    def audience(self) -> str:
        """The `aud` of tokens for the Management API under this domain."""
        return f"{self.origin}/api/v2/"


def domain_of(origin: str, tenant: str) -> Domain:
    """The domain with this origin. Raises MalformedOrigin for anything but `http(s)://host[:port]`."""
    parts = urlsplit(origin.strip().rstrip("/"))
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    bare = not (parts.path or parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in _DEFAULT_PORTS or not host or not host.isascii() or not bare:
        raise MalformedOrigin("a domain is an address such as https://login.example.com, without a path")
    shown = f"[{host}]" if ":" in host else host
    if port is not None and port != _DEFAULT_PORTS[parts.scheme]:
        shown = f"{shown}:{port}"
    return Domain(shown, f"{parts.scheme}://{shown}", tenant)


async def add_domain(connection: DatabaseConnection, domain: Domain) -> bool:
    """Give a tenant a domain. Return False, and change nothing, if the host is a domain already."""
    added = await connection.fetchval(_query("add"), domain.host, domain.origin, domain.tenant)
    return added is not None


async def remove_domain(connection: DatabaseConnection, host: str) -> str | None:
    """Take a domain from its tenant, whose name is returned; None if the host is no domain."""
    tenant: str | None = await connection.fetchval(_query("remove"), host)
    return tenant


async def list_domains(connection: DatabaseConnection) -> list[asyncpg.Record]:
    """Return the domains of all tenants, by tenant and host: `origin`, `tenant`, `created_at`."""
    return await connection.fetch(_query("list_domains"))


class Domains:
    """All domains of the installation, read from the ledger at most every five seconds."""

    def __init__(self, pool: asyncpg.Pool, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool, self._clock = pool, clock
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._by_host: Mapping[str, Domain] = MappingProxyType({})
        self._by_issuer: Mapping[str, Domain] = MappingProxyType({})

    async def of_host(self, host: str) -> Domain | None:
        """The domain that a Host header names, None for any other host. Raises Transient before the first
        successful read."""
        await self._refresh()
        return self._by_host.get(host.lower()) if self._by_host else None

    async def of_token(self, token: str) -> Domain | None:
        """The domain whose issuer a token claims to be of; the claim is unchecked. None for any other issuer.
        Raises Transient before the first successful read."""
        await self._refresh()
        return self._by_issuer.get(claimed_issuer(token)) if self._by_issuer else None

    async def of_audience(self, audience: str) -> Domain | None:
        """The domain whose Management API has this audience, with or without the slash at its end.

        None for any other audience. Raises Transient before the first successful read.
        """
        await self._refresh()
        plain = audience.rstrip("/")
        return next((one for one in self._by_host.values() if one.audience.rstrip("/") == plain), None)

    async def _refresh(self) -> None:
        if self._clock() - self._read_at < FRESH_SECONDS:
            return
        async with self._reading:
            if self._clock() - self._read_at < FRESH_SECONDS:
                return
            try:
                with database_failures():
                    rows = await self._pool.fetch(_query("list_hosts"))
            except Transient:
                if self._read_at == float("-inf"):
                    raise
                _log.warning("domains_not_refreshed", known=len(self._by_host))
            else:
                found = [Domain(row["host"], row["origin"], row["tenant"]) for row in rows]
                self._by_host = {domain.host: domain for domain in found}
                self._by_issuer = {domain.issuer: domain for domain in found}
            self._read_at = self._clock()


class DomainVerifier:
    """Verifies a token of a domain's issuer with the keys of its tenant, and every other token with `others`.

    A token of a domain names that domain's tenant; one that names another tenant is invalid.
    """

    def __init__(self, domains: Domains, pool: asyncpg.Pool, others: Verifier) -> None:
        self._domains, self._pool, self._others = domains, pool, others
        self._verifiers: dict[Domain, TokenVerifier] = {}

    async def verify(self, token: str) -> Principal:
        """Who the token names. Raises InvalidToken or Transient."""
        domain = await self._domains.of_token(token)
        if domain is None:
            return await self._others.verify(token)
        verifier = self._verifiers.get(domain)
        if verifier is None:
            trust = Trust(domain.issuer, domain.audience, _principal_of(domain.tenant))
            verifier = TokenVerifier(key_source(self._pool, domain.tenant), trust)
            self._verifiers[domain] = verifier
        return await verifier.verify(token)


def _principal_of(tenant: str) -> Callable[[dict[str, Any]], Principal]:
    def named(claims: dict[str, Any]) -> Principal:
        principal = own_principal(claims)
        if principal.tenant != tenant:
            raise InvalidToken
        return principal

    return named


class TokenIssuers:
    """What signs tokens: the installation's issuer, and that of each domain, with the newest key of each."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        provider: KeyProvider,
        issuer: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool, self._provider, self._issuer, self._clock = pool, provider, issuer, clock
        self._known: dict[str, tuple[float, TokenIssuer]] = {}

    async def of(self, domain: Domain | None = None) -> TokenIssuer:
        """The issuer of a domain, that of the installation if None.

        Raises Transient, CannotUnseal when another provider wrapped the key, or NoKeys when there is no key.
        """
        address, tenant = (self._issuer, None) if domain is None else (domain.issuer, domain.tenant)
        known = self._known.get(address)
        if known is not None and self._clock() - known[0] < FRESH_SECONDS:
            return known[1]
        with database_failures():
            async with self._pool.acquire() as connection:
                row = await current_key(connection, tenant)
        if known is None or known[1].kid != row["kid"]:
            issuer = TokenIssuer(await open_signing_key(row, self._provider), address)
        else:
            issuer = known[1]
        self._known[address] = self._clock(), issuer
        return issuer


def _query(name: str) -> str:
    return load("services.ledger", "tenant_domains.sql")[name]
