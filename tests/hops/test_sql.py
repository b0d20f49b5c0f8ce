"""Every named query is used, and is one the real server understands."""

import re
from pathlib import Path

import asyncpg
import pytest

from services.runtime.postgres.named_queries import load
from tests.support.named_queries import named_queries
from tests.support.repository import ROOT
from tests.support.stack import Database, Stack

CODE = "\n".join(
    path.read_text("utf-8")
    for folder in ("services", "projections")
    for path in (ROOT / folder).rglob("*.py")
)


@pytest.mark.parametrize(("package", "file", "name"), list(named_queries()))
async def test_every_query_is_used_and_prepares(stack: Stack, package: str, file: str, name: str) -> None:
    """No query is left over, not even in the module beside its file, and none has a name or a type the schema
    does not know."""
    beside = ROOT / Path(*package.split(".")) / f"{file.removesuffix('.sql')}.py"
    code = beside.read_text("utf-8") if beside.exists() else CODE
    assert re.search(rf"[\"']{name}[\"']", code), f"nobody uses {name}"
    connection = await asyncpg.connect(
        (await database(stack)).admin, server_settings={"search_path": "view_1,public"}
    )
    try:
        await connection.prepare(load(package, file)[name])
    finally:
        await connection.close()


_known: list[Database] = []


async def database(stack: Stack) -> Database:
    if not _known:
        _known.append(await stack.database())
    return _known[0]
