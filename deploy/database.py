"""Prepares a PostgreSQL server for Vita: roles, database, migrations, views, rights and keys. May be
repeated."""

import hashlib
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from deploy.rights import apply_rights
from deploy.roles import LOGINS, OWNER, Passwords, RolesRefused, drop_roles, ensure_roles, quoted, role_name
from deploy.statistics import expect_one_tenant
from schemas.sealing.blobs import CannotUnseal
from schemas.sealing.keys import KeyProvider
from services.ledger.keys.signing_keys import ensure_signing_key
from services.ledger.keys.subject_keys import ensure_wrapping_key
from services.rebuild.generations import ensure_generation

EXTENSIONS = ("pg_trgm", "unaccent", "btree_gin")
MIGRATIONS = Path(__file__).parent / "ledger"

PREPARATION_LOCK = 0x76697461
CONNECT_TIMEOUT_S = 10
LOCK_TIMEOUT = "10s"
STATEMENT_TIMEOUT = "120s"


class DatabaseRefused(Exception):
    """The database cannot be prepared in its present state. The text says what to do."""


@dataclass(frozen=True)
class Migration:
    """A file of the ledger's migrations."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read_migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """Return the migrations `NNNN_name.sql` of a folder in order.

    Raises DatabaseRefused when their numbers have a gap or a duplicate.
    """
    found = [Migration(path.stem, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.sql"))]
    numbers = [migration.name.partition("_")[0] for migration in found]
    if numbers != [f"{number:04}" for number in range(1, len(found) + 1)]:
        raise DatabaseRefused(
            f"{folder} must hold 0001_name.sql, 0002_name.sql and so on; it holds {numbers}"
        )
    return found


def outstanding(known: Mapping[str, str], migrations: list[Migration]) -> list[Migration]:
    """Return the migrations that are not applied yet.

    `known` maps the names of applied migrations to their checksums. Raises DatabaseRefused when an
    applied migration was changed or is not among `migrations`.
    """
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
    """Return the administrator's URL of one database."""
    return urlunsplit(urlsplit(admin_url)._replace(path=f"/{quote(database, safe='')}"))


@dataclass(frozen=True)
class Access:
    """How the roles of an installation authenticate."""

    passwords: Passwords
    rotate: Collection[str] = ()
    """The login roles that get a new password."""
    exclusive: bool = False
    """True if only Vita uses the server: CONNECT on its other databases is then revoked from PUBLIC."""
    prefix: str | None = None
    """The prefix of the role names; None for the database's name."""


async def prepare_database(
    admin_url: str, database: str, provider: KeyProvider, access: Access
) -> dict[str, str]:
    """Prepare the server for this version. It may be repeated and called concurrently.

    Returns the passwords that were made, by login role. Raises DatabaseRefused when the database cannot be
    prepared.
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
    """Return the server's other databases to which every role may connect because PUBLIC may."""
    async with _connected(admin_url) as server:
        rows = await server.fetch(
            "SELECT datname FROM pg_database WHERE datallowconn AND datname <> $1"
            " AND has_database_privilege('public', oid, 'CONNECT') ORDER BY datname",
            database,
        )
    return [row["datname"] for row in rows]


async def clone_database(admin_url: str, template: str, database: str, prefix: str | None = None) -> None:
    """Create a database with the content, rights and roles of a template, which must have no connections.

    `prefix` is the prefix of the role names if it is not the template's name.
    """
    async with _connected(admin_url) as server:
        owner = quoted(role_name(prefix or template, OWNER))
        await server.execute(
            f"CREATE DATABASE {quoted(database)} TEMPLATE {quoted(template)} OWNER {owner} STRATEGY FILE_COPY"
        )
        await _grant_database(server, database, prefix or template)


async def drop_installation(admin_url: str, database: str) -> None:
    """Drop a database and its roles."""
    await drop_database(admin_url, database)
    async with _connected(admin_url) as server:
        await drop_roles(server, database)


async def drop_database(admin_url: str, database: str) -> None:
    """Drop a database and end its connections."""
    async with _connected(admin_url) as server:
        await server.execute(f"DROP DATABASE IF EXISTS {quoted(database)} WITH (FORCE)")


async def begin_topic_epochs(admin_database_url: str, topics: Collection[str]) -> None:
    """Begin a new epoch for topics that were created again.

    Stored offsets of earlier epochs refer to other records. The rows of their dead letters are deleted,
    because new dead letters at the same positions need them.
    """
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
    """Grant the rights on the database itself, which a copy does not inherit."""
    name, roles = quoted(database), ", ".join(quoted(role_name(prefix, login)) for login in LOGINS)
    await server.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    await server.execute(f"GRANT CONNECT ON DATABASE {name} TO {roles}")


async def _close_other_databases(server: asyncpg.Connection) -> None:
    """Revoke the right to connect that PostgreSQL grants PUBLIC on a new database."""
    for row in await server.fetch("SELECT datname FROM pg_database WHERE datallowconn"):
        await server.execute(f"REVOKE ALL ON DATABASE {quoted(row['datname'])} FROM PUBLIC")


async def _ensure_keys(connection: asyncpg.Connection, provider: KeyProvider) -> None:
    """Create the wrapping key and the signing key, which no service may add."""
    try:
        await ensure_wrapping_key(connection, provider)
        await ensure_signing_key(connection, provider, datetime.now(UTC))
    except CannotUnseal as error:
        raise DatabaseRefused(
            "VITA_KEY_PROVIDER does not name the key-encryption key with which this database was prepared:"
            " name that key, or another database"
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
    """Open a connection that holds the lock of all preparations, because roles belong to the whole server."""
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
            " check VITA_POSTGRES_ADMIN_URL, or see `make logs`"
        ) from error
    try:
        yield connection
    finally:
        await connection.close()
