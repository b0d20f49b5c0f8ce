"""Look-ups that go together."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from schemas.errors import Transient
from services.runtime.postgres.batch_loader import AT_ONCE, BatchLoader, RowLoader


class Rows:
    """A database with some keys that responds when the test says so."""

    def __init__(self, *keys: str) -> None:
        self.keys, self.asked, self.down = keys, [], False
        self.open = asyncio.Event()

    @asynccontextmanager
    async def connection(self, tenant: str) -> AsyncIterator[Any]:
        """Itself."""
        if self.down:
            raise Transient("database: down")
        yield self

    async def fetch(self, _statement: str, tenant: str, keys: Sequence[str]) -> list[dict[str, str]]:
        """The rows of these keys."""
        self.asked.append((tenant, sorted(keys)))
        await self.open.wait()
        return [{"lookup_key": key, "tenant": tenant} for key in keys if key in self.keys]


async def test_keys_requested_meanwhile_share_a_query() -> None:
    """While statements are under way, later look-ups wait for one that starts after all of them."""
    rows = Rows("a", "b", "c", "d")
    gathered = RowLoader(rows, "")  # type: ignore[arg-type]
    first = [asyncio.create_task(gathered.row("demo", "a"))]
    await asyncio.sleep(0)
    later = [asyncio.create_task(gathered.row("demo", key)) for key in ("b", "b", "c", "x")]
    other = asyncio.create_task(gathered.row("other", "d"))
    await asyncio.sleep(0)
    rows.open.set()
    found = await asyncio.gather(*first, *later, other)
    assert [row and (row["tenant"], row["lookup_key"]) for row in found] == [
        ("demo", "a"), ("demo", "b"), ("demo", "b"), ("demo", "c"), None, ("other", "d"),
    ]  # fmt: skip
    assert len([tenant for tenant, _ in rows.asked if tenant == "demo"]) <= AT_ONCE


async def test_a_failure_reaches_everybody_and_ends() -> None:
    """All waiting callers get the error; the next look-up tries again."""
    rows = Rows("a")
    rows.open.set()
    rows.down = True
    gathered = RowLoader(rows, "")  # type: ignore[arg-type]
    failed = await asyncio.gather(*(gathered.row("demo", "a") for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in failed] == [Transient] * 3
    rows.down = False
    assert (await gathered.row("demo", "a"))["lookup_key"] == "a"


async def test_an_unexpected_failure_reaches_every_caller() -> None:
    """All waiting callers get an unexpected error as well."""

    async def ask(_tenant: str, _keys: Sequence[str]) -> dict[str, str]:
        raise ZeroDivisionError

    together = BatchLoader(ask)
    with pytest.raises(ZeroDivisionError):
        await together.answer("demo", "a")


async def test_a_cancelled_lookup_leaves_the_others_running() -> None:
    """A cancelled look-up leaves the others of its statement alone."""
    rows = Rows("a", "b")
    gathered = RowLoader(rows, "")  # type: ignore[arg-type]
    one = asyncio.create_task(gathered.row("demo", "a"))
    other = asyncio.create_task(gathered.row("demo", "b"))
    await asyncio.sleep(0)
    one.cancel()
    rows.open.set()
    assert (await other)["lookup_key"] == "b"
    with pytest.raises(asyncio.CancelledError):
        await one
