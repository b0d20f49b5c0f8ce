"""The keys our issuer signs with: public part for verifiers, private part wrapped by the key provider."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import asyncpg
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import RSAKey

from schemas import exact_json
from schemas.keys import KeyProvider
from services.runtime import sql
from services.runtime.database import database_failures
from services.runtime.key_store import NoKeys
from services.runtime.token_verifier import KeySource
from services.runtime.tokens import ALGORITHM

KEY_BITS: Final = 2048


async def load_signing_key(connection: asyncpg.Connection, provider: KeyProvider) -> RSAKey:
    """The key that signs.

    Raises CannotUnseal when the key was wrapped by another provider, Transient when the database is away,
    NoKeys before the installation has been prepared.
    """
    row = await _current(connection)
    if row is None:
        raise NoKeys("signing")
    return await _open(row, provider)


async def ensure_signing_key(connection: asyncpg.Connection, provider: KeyProvider, now: datetime) -> RSAKey:
    """The key that signs, made when there is none; for the administrator or the keymaster. Services only read
    keys. Of any number that find none at once, one makes it and the others take that.

    Raises CannotUnseal when the key was wrapped by another provider, Transient when the database is away.
    """
    return await _open(await _current(connection) or await _make(connection, provider, now), provider)


async def _open(row: Any, provider: KeyProvider) -> RSAKey:
    der = await provider.unwrap(row["private_wrapped"], _context(row["kid"]))
    return RSAKey.import_key(der, {"kid": row["kid"]})


async def public_keys(connection: asyncpg.Connection) -> dict[str, dict[str, Any]]:
    """Key id -> public JWK of every key whose signatures count now. Raises Transient."""
    with database_failures():
        rows = await connection.fetch(_queries()["public_keys"])
    return {row["kid"]: exact_json.loads(row["public_jwk"]) for row in rows}


def key_source(pool: asyncpg.Pool) -> KeySource:
    """Reads `public_keys` for a TokenVerifier."""

    async def read() -> Mapping[str, Mapping[str, Any]]:
        with database_failures():
            async with pool.acquire() as connection:
                return await public_keys(connection)

    return read


def jwks(keys: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The JSON Web Key Set of some public keys (RFC 7517)."""
    return {"keys": list(keys.values())}


async def _current(connection: asyncpg.Connection) -> Any:
    with database_failures():
        return await connection.fetchrow(_queries()["current_key"])


async def _make(connection: asyncpg.Connection, provider: KeyProvider, now: datetime) -> Any:
    key = await asyncio.to_thread(RSAKey.generate_key, KEY_BITS)
    kid = key.thumbprint()
    wrapped = await provider.wrap(_private_bytes(key), _context(kid))
    public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM}
    with database_failures():
        async with connection.transaction():
            await connection.execute(_queries()["lock_signing_keys"])
            if (row := await _current(connection)) is not None:
                return row
            await connection.execute(
                _queries()["add_key"], kid, exact_json.dumps(public).decode(), wrapped, now
            )
            return {"kid": kid, "private_wrapped": wrapped}


def _private_bytes(key: RSAKey) -> bytes:
    return key.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[union-attr]


def _context(kid: str) -> dict[str, str]:
    return {"purpose": "token-signing", "kid": kid}


def _queries() -> Mapping[str, str]:
    return sql.load("services.runtime", "signing_keys.sql")
