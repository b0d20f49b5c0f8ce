"""A generation of the views, and the connections that read and write its tables."""

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from services.ledger.progress.generations import generation_origin, live_generation
from services.ledger.progress.positions import passed_positions
from services.runtime.postgres.pool import database_failures, open_pool
from services.views.version import code

CONNECTIONS = 5


@dataclass(frozen=True)
class Generation:
    """A generation, and a pool whose connections find its tables without naming the schema.

    `passed` are the next offsets, by partition, that earlier generations have applied: events before them
    have no effects outside of the views again.
    """

    number: int
    code: str | None
    """The hash of the code that determined its rows; None for one whose code is not known."""
    renormalized: bool
    """Whether its logins were mapped again, so that its rows are not those that the log by itself gives."""
    passed: Mapping[int, int]
    pool: asyncpg.Pool

    @property
    def notice(self) -> str | None:
        """What an operator must know about these views, None when this version's code determines them."""
        if self.code in (None, code()):
            return None
        return (
            f"generation {self.number} of the views was made by another version of the code, so that its rows"
            " may differ from a rebuild's: run `vita rebuild`"
        )

    @classmethod
    async def live(cls, url: str, topic: str) -> "Generation":
        """Return the generation that the stable views show. Raises Transient."""
        with database_failures():
            connection = await asyncpg.connect(url, server_settings={"application_name": "vita"})
            try:
                number = await live_generation(connection)
                known, renormalized = await generation_origin(connection, number)
                passed = await passed_positions(connection, number, topic)
            finally:
                await connection.close()
        return cls(number, known, renormalized, passed, await open_generation_pool(url, number))


async def open_generation_pool(url: str, number: int, role: str | None = None) -> asyncpg.Pool:
    """Return a pool for the tables of a generation, whose connections act as `role` if that is given. Raises
    Transient."""
    return await open_pool(url, max_size=CONNECTIONS, search_path=f"view_{number}", role=role, name="views")
