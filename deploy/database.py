"""Prepares a PostgreSQL server for Vita: roles, database, migrations, views, rights, keys; repeatable."""

import hashlib
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from deploy.generations import ensure_generation
from deploy.rights import apply_rights
from deploy.roles import LOGINS, OWNER, Passwords, RolesRefused, drop_roles, ensure_roles, quoted, role_name
from deploy.statistics import expect_one_tenant
from schemas.sealing.blobs import CannotUnseal
from schemas.sealing.keys import KeyProvider
from services.ledger.keys.signing_keys import ensure_signing_key
from services.ledger.keys.subject_keys import ensure_wrapping_key

EXTENSIONS = ("pg_trgm", "unaccent", "btree_gin")
MIGRATIONS = Path(__file__).parent / "ledger"

PREPARATION_LOCK = 0x76697461
CONNECT_TIMEOUT_S = 10
LOCK_TIMEOUT = "10s"
STATEMENT_TIMEOUT = "120s"


class DatabaseRefused(Exception):
    """The database is not in a state that can be prepared; the text says what to do."""


@dataclass(frozen=True)
class Migration:
    """One file of the ledger's history."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read_migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """All files `NNNN_name.sql` in their order; numbers have no gap and no double."""
    found = [Migration(path.stem, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.sql"))]
    numbers = [migration.name.partition("_")[0] for migration in found]
    if numbers != [f"{number:04}" for number in range(1, len(found) + 1)]:
        raise DatabaseRefused(
            f"{folder} must hold 0001_name.sql, 0002_name.sql and so on; it holds {numbers}"
        )
    return found


def outstanding(known: Mapping[str, str], migrations: list[Migration]) -> list[Migration]:
    """What is still to be applied, given the checksums of what was applied."""
    for migration in migrations:
        if known.get(migration.name, migration.checksum) != migration.checksum:
            raise DatabaseRefused(
                f"{migration.name}.sql was changed after it had been applied to this database:"
                " put the old text back and write a new migration"
                " (a development stack can be emptied by `make clean`)"
            )
    strangers = set(known) - {migration.name for migration in migrations}
    if strangers:
        raise DatabaseRefused(
            f"this database knows migrations that this version lacks ({', '.join(sorted(strangers))}):"
            " use the newer version, or another database"
        )
    return [migration for migration in migrations if migration.name not in known]


def database_url(admin_url: str, database: str) -> str:
    """Where the administrator connects to one database."""
    return urlunsplit(urlsplit(admin_url)._replace(path=f"/{quote(database, safe='')}"))


@dataclass(frozen=True)
class Access:
    """How an installation's roles get in: their passwords, and what is to be done about them."""

    passwords: Passwords
    rotate: Collection[str] = ()
    """The login roles that get a new password."""
    exclusive: bool = False
    """True if the server is Vita's alone: then its other databases are closed to roles without a right."""
    prefix: str | None = None
    """What the role names begin with; None for the database's name."""


async def prepare_database(
    admin_url: str, database: str, provider: KeyProvider, access: Access
) -> dict[str, str]:
    """Bring the server to what this version needs; safe to repeat, and for several callers at once.

    Returns the passwords that were made, by login role. Raises DatabaseRefused.
    """
    prefix = access.prefix or database
    async with _alone(admin_url) as server:
        try:
            made = await ensure_roles(server, prefix, access.passwords, access.rotate)
        except RolesRefused as error:
            raise DatabaseRefused(str(error)) from error
        await _ensure_database(server, database, prefix)
        if access.exclusive:
            await _close_other_databases(server)
        async with _connected(database_url(admin_url, database)) as connection:
            await _ensure_extensions(connection)
            await _migrate(connection, read_migrations(), role_name(prefix, OWNER))
            async with connection.transaction():
                await ensure_generation(connection)
                await apply_rights(connection, prefix)
            await expect_one_tenant(connection)
            await _ensure_keys(connection, provider)
    return made


async def open_databases(admin_url: str, database: str) -> list[str]:
    """The other databases of the server that every role may connect to, because everybody may."""
    async with _connected(admin_url) as server:
        rows = await server.fetch(
            "SELECT datname FROM pg_database WHERE datallowconn AND datname <> $1"
            " AND has_database_privilege('public', oid, 'CONNECT') ORDER BY datname",
            database,
        )
    return [row["datname"] for row in rows]


async def clone_database(admin_url: str, template: str, database: str, prefix: str | None = None) -> None:
    """A new database with the template's content, rights and roles; nobody may be connected to the template.

    `prefix` is what the role names begin with where that is not the template's name.
    """
    async with _connected(admin_url) as server:
        owner = quoted(role_name(prefix or template, OWNER))
        await server.execute(
            f"CREATE DATABASE {quoted(database)} TEMPLATE {quoted(template)} OWNER {owner} STRATEGY FILE_COPY"
        )
        await _grant_database(server, database, prefix or template)


async def drop_installation(admin_url: str, database: str) -> None:
    """Remove a database with its roles."""
    await drop_database(admin_url, database)
    async with _connected(admin_url) as server:
        await drop_roles(server, database)


async def drop_database(admin_url: str, database: str) -> None:
    """Remove a database and whoever is connected to it."""
    async with _connected(admin_url) as server:
        await server.execute(f"DROP DATABASE IF EXISTS {quoted(database)} WITH (FORCE)")


async def count_topic_lives(admin_database_url: str, topics: Collection[str]) -> None:
    """These topics begin a new life: what was stored of offsets in an earlier one means other records. The
    notes of its dead letters go, since new letters from the same places need theirs."""
    async with _connected(admin_database_url) as connection, connection.transaction():
        await connection.execute(
            "DELETE FROM ledger.dead_letter WHERE topic = ANY ($1::text[])", list(topics)
        )
        await connection.execute(
            "INSERT INTO ledger.topic_epoch AS known (topic, epoch)"
            " SELECT name, 1 FROM unnest($1::text[]) AS name"
            " ON CONFLICT (topic) DO UPDATE SET epoch = known.epoch + 1",
            list(topics),
        )


async def _ensure_database(server: asyncpg.Connection, database: str, prefix: str) -> None:
    if not await server.fetchval("SELECT true FROM pg_database WHERE datname = $1", database):
        owner = quoted(role_name(prefix, OWNER))
        await server.execute(
            f"CREATE DATABASE {quoted(database)} OWNER {owner} ENCODING 'UTF8' TEMPLATE template0"
        )
    await _grant_database(server, database, prefix)


async def _grant_database(server: asyncpg.Connection, database: str, prefix: str) -> None:
    """Rights on the database itself, which a copy does not inherit."""
    name, roles = quoted(database), ", ".join(quoted(role_name(prefix, login)) for login in LOGINS)
    await server.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    await server.execute(f"GRANT CONNECT ON DATABASE {name} TO {roles}")


async def _close_other_databases(server: asyncpg.Connection) -> None:
    """Take from everybody the right to connect that PostgreSQL gives everybody on a new database."""
    for row in await server.fetch("SELECT datname FROM pg_database WHERE datallowconn"):
        await server.execute(f"REVOKE ALL ON DATABASE {quoted(row['datname'])} FROM PUBLIC")


async def _ensure_keys(connection: asyncpg.Connection, provider: KeyProvider) -> None:
    """The wrapping key and the signing key, which no service may add."""
    try:
        await ensure_wrapping_key(connection, provider)
        await ensure_signing_key(connection, provider, datetime.now(UTC))
    except CannotUnseal as error:
        raise DatabaseRefused(
            "VITA_KEY_PROVIDER names another key-encryption key than the one this database was prepared with:"
            " name that one, or another database"
        ) from error


async def _ensure_extensions(connection: asyncpg.Connection) -> None:
    await connection.execute("SET client_min_messages = warning")
    for extension in EXTENSIONS:
        await connection.execute(f"CREATE EXTENSION IF NOT EXISTS {extension} SCHEMA public")


async def _migrate(connection: asyncpg.Connection, migrations: list[Migration], owner: str) -> None:
    await connection.execute(
        f"SET lock_timeout = '{LOCK_TIMEOUT}'; SET statement_timeout = '{STATEMENT_TIMEOUT}'"
    )
    await connection.execute(f"SET ROLE {quoted(owner)}")
    for migration in outstanding(await _applied(connection), migrations):
        async with connection.transaction():
            await connection.execute(migration.sql)
            await _record(connection, migration)


async def _applied(connection: asyncpg.Connection) -> dict[str, str]:
    if await connection.fetchval("SELECT to_regclass('ledger.migration')") is None:
        return {}
    return {row["name"]: row["checksum"] for row in await connection.fetch("SELECT * FROM ledger.migration")}


async def _record(connection: asyncpg.Connection, migration: Migration) -> None:
    await connection.execute(
        "CREATE SCHEMA IF NOT EXISTS ledger;"
        "CREATE TABLE IF NOT EXISTS ledger.migration ("
        "  name text PRIMARY KEY, checksum text NOT NULL,"
        "  applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
    )
    await connection.execute(
        "INSERT INTO ledger.migration (name, checksum) VALUES ($1, $2)", migration.name, migration.checksum
    )


@asynccontextmanager
async def _alone(admin_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that holds the lock of all preparations: roles belong to the whole server."""
    async with _connected(admin_url) as server:
        await server.execute("SELECT pg_advisory_lock($1)", PREPARATION_LOCK)
        yield server


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S)
    except (OSError, TimeoutError, asyncpg.InvalidAuthorizationSpecificationError) as error:
        raise DatabaseRefused(
            f"no connection to PostgreSQL at {urlsplit(url).netloc.rpartition('@')[2]} ({error!r}):"
            " look at VITA_POSTGRES_ADMIN_URL, or at `make logs`"
        ) from error
    try:
        yield connection
    finally:
        await connection.close()
