"""Signing keys in the ledger: made once, wrapped, and readable only as far as a role needs."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from schemas.formats import exact_json
from schemas.sealing.blobs import CannotUnseal
from services.ledger.keys.signing_keys import ensure_signing_key, key_source, load_signing_key
from services.ledger.keys.subject_keys import NoKeys, load_keyring, provider_from
from services.runtime.auth.token_verifier import TokenVerifier, Trust
from services.runtime.auth.tokens import InvalidToken, TokenIssuer
from tests.support.stack import Database, Stack

ISSUER, AUDIENCE = "https://vita.example/", "https://vita.example/api/v2/"


async def bare(stack: Stack) -> Database:
    """A database that was not given its keys."""
    database = await stack.database()
    connection = await asyncpg.connect(database.admin)
    await connection.execute("TRUNCATE ledger.signing_key, ledger.wrapping_key")
    await connection.close()
    return database


def token(issuer: TokenIssuer) -> str:
    return issuer.issue("abc", "demo", ["publish:logins"], AUDIENCE, datetime.now(UTC))


async def test_of_many_that_start_at_once_one_makes_the_key(stack: Stack, tmp_path: Path) -> None:
    """Several find no key: one is made, all sign with it, its private part is nowhere readable."""
    database, provider = await bare(stack), provider_from(f"file:{tmp_path / 'kek'}")

    async def start() -> str:
        async with database.connected("vita_keymaster") as connection:
            return str((await ensure_signing_key(connection, provider, datetime.now(UTC))).kid)

    assert len(set(await asyncio.gather(*(start() for _ in range(5))))) == 1
    async with database.connected("vita_management") as connection:
        rows = await connection.fetch("SELECT kid, public_jwk, private_wrapped FROM ledger.signing_key")
    assert len(rows) == 1
    assert not {"d", "p", "q", "dp", "dq", "qi"} & exact_json.loads(rows[0]["public_jwk"]).keys()
    assert b"RSA" not in rows[0]["private_wrapped"]


async def test_another_key_provider_cannot_sign(stack: Stack, tmp_path: Path) -> None:
    """The private part opens with the key-encryption key that wrapped it, and with no other."""
    database = await stack.database()
    async with database.connected("vita_management") as connection:
        assert await load_signing_key(connection, provider_from(stack.key_provider(database.name)))
        with pytest.raises(CannotUnseal):
            await load_signing_key(connection, provider_from(f"file:{tmp_path / 'two'}"))


async def test_services_make_no_key(stack: Stack, tmp_path: Path) -> None:
    """A service that finds no keys says who makes them, and makes none."""
    database, provider = await bare(stack), provider_from(f"file:{tmp_path / 'kek'}")
    async with database.connected("vita_management") as connection:
        with pytest.raises(NoKeys, match="deploy prepare"):
            await load_signing_key(connection, provider)
        with pytest.raises(NoKeys, match="deploy prepare"):
            await load_keyring(connection, provider)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ensure_signing_key(connection, provider, datetime.now(UTC))


async def test_ingest_reads_public_parts_only(stack: Stack) -> None:
    """Ingest's role verifies tokens, cannot read a private part, and refuses a key from its retirement on."""
    database = await stack.database()
    async with database.connected("vita_management") as connection:
        key = await load_signing_key(connection, provider_from(stack.key_provider(database.name)))
        issuer = TokenIssuer(key, ISSUER)
    async with asyncpg.create_pool(database.url_for("vita_ingest"), min_size=1, max_size=1) as pool:
        verifier = TokenVerifier(key_source(pool), Trust(ISSUER, AUDIENCE))
        assert (await verifier.verify(token(issuer))).tenant == "demo"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.fetch("SELECT private_wrapped FROM ledger.signing_key")
        admin = await asyncpg.connect(database.admin)
        try:
            await admin.execute("UPDATE ledger.signing_key SET retired_at = now()")
        finally:
            await admin.close()
        with pytest.raises(InvalidToken):
            await TokenVerifier(key_source(pool), Trust(ISSUER, AUDIENCE)).verify(token(issuer))
