"""The operator's connection to the database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from schemas.sealing.keys import Keyring
from services.ledger.keys.subject_keys import load_keyring, provider_from
from services.runtime.postgres.pool import DatabaseConnection, database_failures

_CONNECT_SECONDS = 10


@asynccontextmanager
async def operator(url: str) -> AsyncIterator[DatabaseConnection]:
    """Connect to the database for the duration of the block. Failures that a retry may cure become
    Transient."""
    with database_failures():
        connection = await asyncpg.connect(
            url, timeout=_CONNECT_SECONDS, server_settings={"application_name": "vita command line"}
        )
        try:
            yield connection
        finally:
            connection.terminate()


async def keyring(connection: DatabaseConnection, key_provider: str) -> Keyring:
    """Return the keyring of this installation.

    Raises CannotUnseal when `key_provider` names another key-encryption key.
    """
    return await load_keyring(connection, provider_from(key_provider))
