"""Where a rebuild works: as the owner of the tables, because only the owner may create them and copy into
them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from schemas.sealing.keys import Keyring
from services.ledger.keys.subject_keys import load_keyring, provider_from
from services.ledger.progress.rebuilds import owner_of
from services.runtime.kafka.access import KafkaAccess
from services.runtime.postgres.pool import database_failures

Grant = Callable[[asyncpg.Connection], Awaitable[None]]
"""Grants the declared rights on what was created, in the caller's transaction."""


@dataclass(frozen=True, kw_only=True)
class RebuildAccess:
    """The servers of an installation, with the administrator's access to the database."""

    kafka: KafkaAccess
    topic_prefix: str
    topic: str
    """The physical name of `profile.events`."""
    database_url: str = field(repr=False)
    key_provider: str
    grant: Grant
    public_url: str | None = None
    """The URL of Vita, under which default pictures are served; None for that in the environment."""

    def environment(self) -> dict[str, str]:
        """Return the variables that a replaying process reads."""
        own = {} if self.public_url is None else {"VITA_TOKEN_ISSUER": self.public_url}
        return {
            **self.kafka.environment(),
            **own,
            "VITA_DATABASE_URL": self.database_url,
            "VITA_KEY_PROVIDER": self.key_provider,
            "VITA_TOPIC_PREFIX": self.topic_prefix,
        }


@asynccontextmanager
async def owner_connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Open a connection that acts as the owner of the ledger. Raises Transient."""
    with database_failures():
        connection = await asyncpg.connect(url, server_settings={"application_name": "vita rebuild"})
    try:
        await connection.execute(f"SET ROLE {await owner_of(connection)}")
        yield connection
    finally:
        connection.terminate()


async def open_keyring(connection: asyncpg.Connection, key_provider: str) -> Keyring:
    """Return the keyring that opens subjects' keys. Raises CannotUnseal for another key provider's."""
    return await load_keyring(connection, provider_from(key_provider))
