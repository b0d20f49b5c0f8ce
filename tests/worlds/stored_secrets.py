"""Searches for secrets in what a running site stores: its database, its log and its kept results.

Runs nothing; it reads the database and the log of a `tests.worlds.management` site.
"""

from collections.abc import AsyncIterator, Iterable

import asyncpg
from aiokafka import ConsumerRecord

from schemas.sealing.blobs import associated_data, unseal
from schemas.topics import Topic
from services.ledger.keys.subject_keys import read_keys
from tests.samples.planted_secrets import forms
from tests.worlds.management import Site
from tests.worlds.pipeline import Pipeline


async def readable_in_database(url: str, secrets: Iterable[str | bytes]) -> list[str]:
    """Every column of every table in which one of the secrets can be read."""
    wanted = {form for secret in secrets for form in forms(secret)}
    connection = await asyncpg.connect(url)
    try:
        return [place async for place, stored in _columns(connection) if _holds(stored, wanted)]
    finally:
        await connection.close()


async def readable_on_log(site: Site, secrets: Iterable[str | bytes]) -> list[str]:
    """Every record of `profile.events` in which one of the secrets can be read."""
    wanted = {form for secret in secrets for form in forms(secret)}
    pipeline = Pipeline(site.stack, site.database, site.prefix, site.storage.keyring)
    records = await pipeline.logged(Topic.PROFILE_EVENTS)
    assert records
    return [f"{one.partition}/{one.offset}" for one in records if _holds(_stored(one), wanted)]


async def kept_results(site: Site) -> AsyncIterator[tuple[str, bytes]]:
    """The results that are kept for the tenant demo, opened, the oldest first, each with whose key sealed it;
    without those whose key is gone."""
    async with site.storage.database.connection("demo") as connection:
        rows = await connection.fetch(
            "SELECT * FROM ledger.idempotency WHERE result IS NOT NULL ORDER BY started_at"
        )
        owners = {("demo", row["owner"]) for row in rows}
        keys = await read_keys(connection, site.storage.keyring, owners)
    for row in rows:
        owner = keys.get(("demo", row["owner"]))
        if owner is not None and owner.profile is not None:
            place = "demo", row["owner"], row["place"].hex(), row["request"].hex()
            yield row["owner"], unseal(owner.profile, row["result"], associated_data("idempotency", *place))


async def readable_in_results(site: Site, secrets: Iterable[str | bytes]) -> list[str]:
    """Every kept result that, once opened, holds one of the secrets."""
    wanted = {form for secret in secrets for form in forms(secret)}
    results = [result async for _, result in kept_results(site)]
    return [f"result {number}" for number, result in enumerate(results) if _holds(result, wanted)]


def _stored(record: ConsumerRecord) -> bytes:
    parts = (record.key, record.value, *(value for _, value in record.headers))
    return b"\n".join(part for part in parts if part is not None)


def _holds(stored: bytes, wanted: Iterable[bytes]) -> bool:
    return any(form in stored for form in wanted)


async def _columns(connection: asyncpg.Connection) -> AsyncIterator[tuple[str, bytes]]:
    """Every column of every table, with all that it holds, as bytes."""
    columns = await connection.fetch(
        "SELECT c.table_schema AS schema, c.table_name AS name, c.column_name AS column, c.data_type AS type"
        " FROM information_schema.columns AS c JOIN information_schema.tables AS t"
        " USING (table_schema, table_name) WHERE t.table_type = 'BASE TABLE'"
        " AND c.table_schema NOT IN ('pg_catalog', 'information_schema')"
    )
    assert len(columns) > 50
    for column in columns:
        name = f'"{column["column"]}"'
        stored = name if column["type"] == "bytea" else f"convert_to({name}::text, 'UTF8')"
        rows = await connection.fetch(
            f'SELECT {stored} AS stored FROM "{column["schema"]}"."{column["name"]}" WHERE {name} IS NOT NULL'
        )
        yield f"{column['schema']}.{column['name']}.{column['column']}", b"\n".join(r["stored"] for r in rows)
