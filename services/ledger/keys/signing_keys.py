"""The keys that sign tokens: the public part for verifiers, the private part wrapped by the key provider.

The installation has signing keys, and so has each tenant with a domain. Where a function takes `tenant`, None
means the installation.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import asyncpg
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import RSAKey

from projections.row import Row
from schemas.formats import exact_json
from schemas.sealing.keys import KeyProvider
from services.ledger.keys.subject_keys import NoKeys
from services.runtime.auth.token_verifier import KeySource
from services.runtime.auth.tokens import ALGORITHM, LEEWAY_SECONDS, LIFETIME_SECONDS
from services.runtime.postgres import named_queries
from services.runtime.postgres.pool import DatabaseConnection, database_failures

KEY_BITS: Final = 2048
PUBLISHED_SECONDS: Final = 90.0
"""How long a key is published before it signs, so that no valid token is refused: longer than a verifier may
keep a key set (`max-age` 60 seconds)."""


async def load_signing_key(
    connection: DatabaseConnection, provider: KeyProvider, tenant: str | None = None
) -> RSAKey:
    """The key that signs for a tenant.

    Raises CannotUnseal when the key was wrapped by another provider, Transient when the database is away,
    NoKeys before the installation has been prepared.
    """
    return await open_signing_key(await current_key(connection, tenant), provider)


async def current_key(connection: DatabaseConnection, tenant: str | None = None) -> asyncpg.Record:
    """The row of the key that signs for a tenant: `kid`, `private_wrapped`. Raises Transient, or NoKeys when
    the tenant has none."""
    row = await _current(connection, tenant)
    if row is None:
        raise NoKeys("signing")
    return row


async def ensure_signing_key(
    connection: DatabaseConnection, provider: KeyProvider, now: datetime, tenant: str | None = None
) -> RSAKey:
    """The key that signs for a tenant, made when there is none.

    The administrator or the keymaster makes keys; services only read them. Of several callers that find none,
    one makes the key and the others get it.

    Raises CannotUnseal when the key was wrapped by another provider, Transient when the database is away.
    """
    row: Row | None = await _current(connection, tenant)
    if row is None:
        key = await _generate(provider)
        with database_failures():
            async with connection.transaction():
                await connection.execute(_queries()["lock_signing_keys"])
                row = await _current(connection, tenant) or await _add(connection, key, tenant, now, now)
    return await open_signing_key(row, provider)


async def rotate_signing_key(
    connection: DatabaseConnection,
    provider: KeyProvider,
    now: datetime,
    tenant: str | None = None,
    *,
    revoke: bool = False,
) -> str:
    """Make a new key for a tenant and return its id.

    The new key signs after `PUBLISHED_SECONDS`, and tokens of earlier keys verify until the last of them
    expires. With `revoke` it signs at once and no earlier key verifies anything any more: for a key that has
    leaked. Raises NoKeys when the tenant has no key to replace, or Transient.
    """
    key = await _generate(provider)
    signs_from = now if revoke else now + timedelta(seconds=PUBLISHED_SECONDS)
    verify_until = now if revoke else signs_from + timedelta(seconds=LIFETIME_SECONDS + LEEWAY_SECONDS)
    with database_failures():
        async with connection.transaction():
            await connection.execute(_queries()["lock_signing_keys"])
            await current_key(connection, tenant)
            await connection.execute(_queries()["retire_keys"], tenant, verify_until)
            await _add(connection, key, tenant, now, signs_from)
    return key.kid


async def list_keys(connection: DatabaseConnection) -> list[asyncpg.Record]:
    """All keys without their private parts: `kid`, `tenant`, `created_at`, `signs_from`, `retired_at`, and
    `state` (`published`, `signs`, `verifies` or `retired`). Raises Transient."""
    with database_failures():
        return await connection.fetch(_queries()["list_keys"])


async def open_signing_key(row: Row, provider: KeyProvider) -> RSAKey:
    """The key in a row of `current_key`. Raises CannotUnseal when another provider wrapped it."""
    der = await provider.unwrap(row["private_wrapped"], _context(row["kid"]))
    return RSAKey.import_key(der, {"kid": row["kid"]})


async def public_keys(connection: DatabaseConnection, tenant: str | None = None) -> dict[str, dict[str, Any]]:
    """Key id -> public JWK of every key of a tenant whose signatures count now. Raises Transient."""
    with database_failures():
        rows = await connection.fetch(_queries()["public_keys"], tenant)
    return {row["kid"]: exact_json.loads(row["public_jwk"]) for row in rows}


def key_source(pool: asyncpg.Pool, tenant: str | None = None) -> KeySource:
    """Reads `public_keys` for a TokenVerifier."""

    async def read() -> Mapping[str, Mapping[str, Any]]:
        with database_failures():
            async with pool.acquire() as connection:
                return await public_keys(connection, tenant)

    return read


def jwks(keys: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The JSON Web Key Set of some public keys (RFC 7517)."""
    return {"keys": list(keys.values())}


async def _current(connection: DatabaseConnection, tenant: str | None) -> asyncpg.Record | None:
    with database_failures():
        return await connection.fetchrow(_queries()["current_key"], tenant)


class _Generated(NamedTuple):
    kid: str
    public_jwk: str
    private_wrapped: bytes


async def _generate(provider: KeyProvider) -> _Generated:
    key = await asyncio.to_thread(RSAKey.generate_key, KEY_BITS)
    kid = key.thumbprint()
    public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM}
    wrapped = await provider.wrap(_private_bytes(key), _context(kid))
    return _Generated(kid, exact_json.dumps(public).decode(), wrapped)


async def _add(
    connection: DatabaseConnection,
    key: _Generated,
    tenant: str | None,
    created_at: datetime,
    signs_from: datetime,
) -> dict[str, Any]:
    await connection.execute(_queries()["add_key"], *key, tenant, created_at, signs_from)
    return {"kid": key.kid, "private_wrapped": key.private_wrapped}


def _private_bytes(key: RSAKey) -> bytes:
    return key.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[union-attr]


def _context(kid: str) -> dict[str, str]:
    return {"purpose": "token-signing", "kid": kid}


def _queries() -> Mapping[str, str]:
    return named_queries.load("services.ledger.keys", "signing_keys.sql")
