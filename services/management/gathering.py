"""Rows looked up by one key each, many in one statement: under load a round trip each would cost more than
the rows."""

import asyncio
from collections import Counter
from typing import Any, Final

from schemas.errors import Transient
from services.runtime.tenant_pool import TenantPool

AT_ONCE: Final = 2
"""Statements under way for one tenant; what is asked for meanwhile goes together in the next."""
Row = Any
"""A record of asyncpg, or None."""


class Gathered:
    """Look-ups by a statement that takes `(tenant, keys)` and names each row's key in a column `asked`.

    A statement starts after every look-up in it was asked for, so each sees all that was committed before.
    """

    def __init__(self, database: TenantPool, statement: str) -> None:
        self._database, self._statement = database, statement
        self._waiting: dict[str, dict[str, asyncio.Future[Row]]] = {}
        self._working: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def row(self, tenant: str, key: str) -> Row:
        """The row of a key, None when there is none. Raises Transient."""
        waiting = self._waiting.setdefault(tenant, {})
        if key not in waiting:
            waiting[key] = asyncio.get_running_loop().create_future()
            waiting[key].add_done_callback(_is_seen)
        answer = waiting[key]
        if self._working[tenant] < AT_ONCE:
            self._working[tenant] += 1
            task = asyncio.create_task(self._work(tenant))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(answer)

    async def _work(self, tenant: str) -> None:
        try:
            while asked := self._waiting.pop(tenant, None):
                await self._answer(tenant, asked)
        finally:
            self._working[tenant] -= 1
            if not self._working[tenant]:
                del self._working[tenant]

    async def _answer(self, tenant: str, asked: dict[str, asyncio.Future[Row]]) -> None:
        try:
            async with self._database.connection(tenant) as connection:
                rows = await connection.fetch(self._statement, tenant, list(asked))
        except Transient as error:
            for answer in asked.values():
                answer.set_exception(error)
            return
        found = {row["asked"]: row for row in rows}
        for key, answer in asked.items():
            answer.set_result(found.get(key))


def _is_seen(answer: asyncio.Future[Row]) -> None:
    """An answer nobody waits for any more is no error."""
    if not answer.cancelled():
        answer.exception()
