"""Runs searches in the database within a time limit.

Searches have connections of their own: the statement timeout is set when a session is opened, so that it
costs no round trip and affects no other request. There are two kinds: statements that look values up are
planned once; statements whose best plan depends on the values (a common word or a rare one) are planned for
each execution.
"""

import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, Final, TypeVar

import asyncpg

from schemas.errors import Transient
from schemas.formats import exact_json
from services.queries.search.explaining import EXPLAIN
from services.queries.search.predicates import Constant, Equals, Predicate
from services.queries.search.statements import Lookup, Statement
from services.runtime.background import start_task
from services.runtime.fairness.current_request import spend
from services.runtime.postgres.batch_loader import BatchLoader
from services.runtime.postgres.pool import DatabaseConnection
from services.runtime.postgres.tenant_pool import TenantConnection, TenantPool
from services.runtime.rejection import Rejected, Rejection, unavailable

TIMEOUT: Final[Rejection] = unavailable(
    "The query exceeded the timeout. Please try refining your search criteria."
    " See https://auth0.com/docs/best-practices/search-best-practices."
)
SHARE: Final = 0.5
"""How many of the connections one tenant may use: searches take long, and half of them is left to others."""
_MILLISECONDS: Final = 1000
Result = TypeVar("Result")


async def counted(statement: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of a statement and add its duration to the tenant's usage, since a server process
    works meanwhile. The statement is a task of its own, which ends with the result although the request may
    wait for its turn afterwards."""

    async def timed() -> Result:
        began = time.perf_counter()
        try:
            return await statement
        finally:
            spend(time.perf_counter() - began)

    return await start_task(timed())


class _SearchConnection(TenantConnection):
    """A connection that counts every statement that returns rows."""

    async def fetch(self, *args: Any, **options: Any) -> Any:
        """Return all rows."""
        return await counted(super().fetch(*args, **options))

    async def fetchrow(self, *args: Any, **options: Any) -> Any:
        """Return the first row, None if there is none."""
        return await counted(super().fetchrow(*args, **options))

    async def fetchval(self, *args: Any, **options: Any) -> Any:
        """Return a value of the first row, None if there is no row."""
        return await counted(super().fetchval(*args, **options))


class Searcher:
    """Runs searches for one tenant at a time."""

    def __init__(self, known: TenantPool, planned: TenantPool) -> None:
        self._known = known
        self._planned = planned
        self._lookups: dict[tuple[str, int], BatchLoader[tuple[Any, ...], bytes]] = {}

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, connections: int, seconds: float, waiting: int
    ) -> AsyncIterator["Searcher"]:
        """Connect, with this many connections of each kind. One tenant may use half of them, and this many of
        its searches may wait. Raises Transient."""
        session = {
            "statement_timeout": str(round(seconds * _MILLISECONDS)),
            # a page's branches must run in their order
            "enable_parallel_append": "off",
        }
        known = await _pool(url, connections, session, waiting)
        try:
            each_time = {**session, "plan_cache_mode": "force_custom_plan"}
            planned = await _pool(url, connections, each_time, waiting)
        except BaseException:
            await known.close()
            raise
        try:
            yield cls(known, planned)
        finally:
            await known.close()
            await planned.close()

    async def fetch(
        self, tenant: str, predicate: Predicate, *statements: Statement
    ) -> list[Sequence[asyncpg.Record]]:
        """Return the rows of each statement, read from one snapshot. Raises Rejected (`unavailable`) when the
        time limit is reached."""
        pool = self._known if _is_lookup(predicate) else self._planned
        with _in_time():
            async with pool.connection(tenant) as connection:
                if len(statements) == 1:
                    return [await connection.fetch(statements[0].text, *statements[0].values)]
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    return [await connection.fetch(one.text, *one.values) for one in statements]

    async def look_up(self, tenant: str, asked: Lookup) -> bytes:
        """Return the people of a lookup as an array of JSON. Concurrent lookups of the same kind share one
        statement. Raises Rejected (`unavailable`) when the time limit is reached."""
        kind = (asked.text, asked.limit)
        if kind not in self._lookups:
            self._lookups[kind] = BatchLoader(partial(self._pages, *kind))
        with _in_time():
            found = await self._lookups[kind].answer(tenant, asked.key)
        assert found is not None
        return found

    async def _pages(
        self, text: str, limit: int, tenant: str, keys: Sequence[tuple[Any, ...]]
    ) -> Mapping[tuple[Any, ...], bytes]:
        async with self._known.connection(tenant) as connection:
            rows = await connection.fetch(text, tenant, *zip(*keys, strict=True), limit)
        return {keys[row["asked"] - 1]: row["users"] for row in rows}

    @asynccontextmanager
    async def planning(self, tenant: str) -> AsyncIterator[DatabaseConnection]:
        """Return a connection whose statements are planned for each execution and have the time limit of a
        search. Raises Rejected (`unavailable`) when the limit is reached."""
        with _in_time():
            async with self._planned.connection(tenant) as connection:
                yield connection

    async def explain(self, tenant: str, statement: Statement) -> Any:
        """Return PostgreSQL's plan for a statement."""
        async with self.planning(tenant) as connection:
            text = await connection.fetchval(EXPLAIN + statement.text, *statement.values)
        return exact_json.loads(text)[0]["Plan"]


async def _pool(url: str, connections: int, session: Mapping[str, str], waiting: int) -> TenantPool:
    return await TenantPool.open(
        url, connections, "management search", session,
        share=SHARE, waiting=waiting, connection_class=_SearchConnection,
    )  # fmt: skip


def _is_lookup(predicate: Predicate) -> bool:
    """Return whether one plan is best for all values: a single equality, or no condition at all."""
    return isinstance(predicate, Constant | Equals)


@contextmanager
def _in_time() -> Iterator[None]:
    """Turn a statement timeout into its rejection."""
    try:
        yield
    except Transient as error:
        if isinstance(error.__cause__, asyncpg.QueryCanceledError):
            raise Rejected(TIMEOUT) from None
        raise
