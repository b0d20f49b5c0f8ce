"""Answers to one key each, many in one statement: under load a round trip each would cost more than the
rows."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Final, Generic, TypeVar

import asyncpg

from services.runtime.fairness.current_request import shared_task
from services.runtime.postgres.lookup import is_storable
from services.runtime.postgres.tenant_pool import TenantPool

AT_ONCE: Final = 2
"""The maximum number of concurrent statements for one tenant; keys that are requested meanwhile share the
next one."""
Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")
Ask = Callable[[str, Sequence[Key]], Awaitable[Mapping[Key, Answer]]]
"""Answers keys of a tenant; a key without an answer is left out."""


class BatchLoader(Generic[Key, Answer]):
    """Coalesces concurrent look-ups into one query.

    A key joins only queries that start after it was requested, so read-your-writes holds.
    """

    def __init__(self, ask: Ask[Key, Answer]) -> None:
        self._ask = ask
        self._waiting: dict[str, dict[Key, list[asyncio.Future[Answer | None]]]] = {}
        self._working: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def answer(self, tenant: str, key: Key) -> Answer | None:
        """The answer to a key, None when there is none. Raises what asking raises."""
        answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, {}).setdefault(key, []).append(answer)
        if self._working[tenant] < AT_ONCE:
            self._working[tenant] += 1
            task = shared_task(self._work(tenant))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answer

    async def _work(self, tenant: str) -> None:
        try:
            while asked := self._waiting.pop(tenant, None):
                await self._answer(tenant, asked)
        finally:
            self._working[tenant] -= 1
            if not self._working[tenant]:
                del self._working[tenant]

    async def _answer(
        self, tenant: str, asked: Mapping[Key, Sequence[asyncio.Future[Answer | None]]]
    ) -> None:
        try:
            found = await self._ask(tenant, list(asked))
        except Exception as error:  # every failure is raised in the callers
            for answers in asked.values():
                for answer in answers:
                    if not answer.done():
                        answer.set_exception(error)
            return
        for key, answers in asked.items():
            for answer in answers:
                if not answer.done():
                    answer.set_result(found.get(key))


class RowLoader:
    """Look-ups by a statement that takes `(tenant, keys)` and returns each row's key in a column
    `lookup_key`."""

    def __init__(self, database: TenantPool, statement: str) -> None:
        self._database, self._statement = database, statement
        self._together: BatchLoader[str, asyncpg.Record] = BatchLoader(self._rows)

    async def row(self, tenant: str, key: str) -> asyncpg.Record | None:
        """Return the row of a key, None if there is none. Raises Transient.

        A text with U+0000 has no row and is not sent, because PostgreSQL would reject it with all keys of the
        batch.
        """
        return await self._together.answer(tenant, key) if is_storable(key) else None

    async def _rows(self, tenant: str, keys: Sequence[str]) -> Mapping[str, asyncpg.Record]:
        async with self._database.connection(tenant) as connection:
            rows = await connection.fetch(self._statement, tenant, keys)
        return {row["lookup_key"]: row for row in rows}
