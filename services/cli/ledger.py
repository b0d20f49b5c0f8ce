"""The operator's connection to the database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from schemas.sealing.keys import Keyring
from services.ledger.keys.subject_keys import load_keyring, provider_from
from services.runtime.postgres.pool import database_failures

_CONNECT_SECONDS = 10


@asynccontextmanager
async def operator(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Connected for as long as the block runs; what will pass becomes Transient."""
    with database_failures():
        connection = await asyncpg.connect(
            url, timeout=_CONNECT_SECONDS, server_settings={"application_name": "vita command line"}
        )
        try:
            yield connection
        finally:
            connection.terminate()


async def keyring(connection: asyncpg.Connection, key_provider: str) -> Keyring:
    """The keyring of this installation. Raises CannotUnseal under another key-encryption key."""
    return await load_keyring(connection, provider_from(key_provider))
