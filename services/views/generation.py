"""A generation of the views, and the connections that read and write its tables."""

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from services.ledger.progress.generations import live_generation
from services.ledger.progress.positions import passed_positions
from services.runtime.postgres.pool import database_failures, open_pool

CONNECTIONS = 3


@dataclass(frozen=True)
class Generation:
    """A generation, and a pool whose connections find its tables without naming the schema.

    `passed` are the next offsets, by partition, that earlier generations have applied: events before them
    have no effects outside of the views again.
    """

    number: int
    passed: Mapping[int, int]
    pool: asyncpg.Pool

    @classmethod
    async def live(cls, url: str, topic: str) -> "Generation":
        """Return the generation that the stable views show. Raises Transient."""
        with database_failures():
            connection = await asyncpg.connect(url, server_settings={"application_name": "vita"})
            try:
                number = await live_generation(connection)
                passed = await passed_positions(connection, number, topic)
            finally:
                await connection.close()
        return cls(number, passed, await open_generation_pool(url, number))


async def open_generation_pool(url: str, number: int, role: str | None = None) -> asyncpg.Pool:
    """Return a pool for the tables of a generation, whose connections act as `role` if that is given. Raises
    Transient."""
    return await open_pool(url, max_size=CONNECTIONS, search_path=f"view_{number}", role=role)
