"""Kafka and PostgreSQL as the stack provides them."""

import asyncio

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.client import AIOKafkaClient

from deploy import database as databases
from deploy.database import DatabaseRefused
from deploy.roles import LOGINS
from schemas.topics import Topic, catalogue
from tests.support.containers import TestContainers
from tests.support.patience import soon
from tests.support.stack import Stack


async def test_the_largest_message_comes_back(stack: Stack) -> None:
    """The broker takes a message of the size that the catalogue allows, and gives it back."""
    topic = await stack.topics() + Topic.PROFILE_EVENTS
    limit = catalogue()[Topic.PROFILE_EVENTS].max_message_bytes
    async with AIOKafkaProducer(**stack.kafka.arguments(), max_request_size=limit) as producer:
        await producer.send_and_wait(topic, b"x" * (limit - 1024), partition=3)
    async with AIOKafkaConsumer(topic, **stack.kafka.arguments(), auto_offset_reset="earliest") as reader:
        record = await soon(reader.getone(), 20)
    assert (record.partition, len(record.value)) == (3, limit - 1024)


async def test_a_topic_is_not_made_by_a_typing_error(stack: Stack) -> None:
    """Requesting a topic outside of the catalogue does not create it."""
    client = AIOKafkaClient(**stack.kafka.arguments())
    await client.bootstrap()
    try:
        await client.add_topic("profile.event")
        metadata = await client.fetch_all_metadata()
    finally:
        await client.close()
    assert "profile.event" not in metadata.topics()


async def test_every_role_can_enter(stack: Stack) -> None:
    """Each service's role logs in with its own password and is a member of no other role."""
    database = await stack.database()
    for role in LOGINS:
        connection = await asyncpg.connect(database.url_for(role))
        row = await connection.fetchrow("SELECT rolname, rolsuper FROM pg_roles WHERE rolname = current_user")
        await connection.close()
        assert tuple(row) == (database.role(role), False)


async def test_a_stranger_cannot_enter(stack: Stack) -> None:
    """A login without the right password, and a role without the right to connect, stay outside."""
    database = await stack.database()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(database.url_for("vita_ingest").replace("_ingest:", "_ingest:x"))
    admin = await asyncpg.connect(database.admin)
    try:
        assert not await admin.fetchval(
            "SELECT has_database_privilege('public', $1, 'CONNECT')", database.name
        )
    finally:
        await admin.close()


async def test_extensions_and_text_order(stack: Stack) -> None:
    """Search has its extensions, and upper and lower case follow Unicode whatever the system's locale is."""
    connection = await asyncpg.connect((await stack.database()).admin)
    try:
        query = "SELECT similarity('müller', 'muller') > 0, unaccent('Ünï'), lower('ÅNGSTRÖM')"
        assert tuple(await connection.fetchrow(query)) == (True, "Uni", "ångström")
    finally:
        await connection.close()


async def test_preparing_twice_changes_nothing(stack: Stack) -> None:
    """A second preparation, and two concurrent ones, change nothing."""
    database = await stack.database()
    before = await _applied(database.admin)
    await asyncio.gather(*(stack.prepare_again(database.name) for _ in range(2)))
    assert await _applied(database.admin) == before


async def test_a_changed_migration_stops_the_start(stack: Stack) -> None:
    """A database whose history differs from the files is not touched."""
    database = await stack.database()
    connection = await asyncpg.connect(database.admin)
    await connection.execute("UPDATE ledger.migration SET checksum = 'other' WHERE name LIKE '0001%'")
    await connection.close()
    with pytest.raises(DatabaseRefused, match="was changed after it had been applied"):
        await stack.prepare_again(database.name)


async def test_a_migration_is_applied_whole_or_not_at_all(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration that fails in its middle leaves neither its first half nor a record of itself."""
    database = await stack.database()
    bad = databases.Migration("9999_bad", "CREATE TABLE ledger.half (); SELECT 1 / 0")
    known = [*databases.read_migrations(), bad]
    monkeypatch.setattr(databases, "read_migrations", lambda: known)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await stack.prepare_again(database.name)
    connection = await asyncpg.connect(database.admin)
    assert await connection.fetchval("SELECT to_regclass('ledger.half')") is None
    await connection.close()
    assert "9999_bad" not in await _applied(database.admin)


async def test_databases_do_not_share(stack: Stack) -> None:
    """What one test writes no other test sees."""
    one, two = await stack.database(), await stack.database()
    connection = await asyncpg.connect(one.admin)
    await connection.execute("CREATE TABLE only_here ()")
    await connection.close()
    other = await asyncpg.connect(two.admin)
    assert await other.fetchval("SELECT to_regclass('only_here')") is None
    await other.close()


@pytest.mark.docker
async def test_containers_answer() -> None:
    """The Docker road gives a broker and a server that answer."""
    with TestContainers() as containers:
        if not containers.answers():
            pytest.skip("no Docker engine answers here")
        assert await containers.ensure("kafka")
        assert await containers.ensure("postgres")


async def _applied(admin_url: str) -> dict[str, object]:
    connection = await asyncpg.connect(admin_url)
    try:
        return {
            row["name"]: row["applied_at"] for row in await connection.fetch("SELECT * FROM ledger.migration")
        }
    finally:
        await connection.close()
