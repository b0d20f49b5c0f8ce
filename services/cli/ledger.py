"""The operator's connection to the database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from schemas.keys import Keyring
from services.runtime.database import database_failures
from services.runtime.key_store import load_keyring, provider_from

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
