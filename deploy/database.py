"""Prepares a PostgreSQL server for Vita: roles, database, extensions, the ledger's migrations; repeatable."""

import hashlib
import hmac
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import asyncpg

from deploy.generations import ensure_generation
from deploy.statistics import expect_one_tenant

OWNER = "vita_owner"
LOGIN_ROLES = (
    "vita_ingest",
    "vita_normalizer",
    "vita_projector",
    "vita_auditor",
    "vita_management",
    "vita_operator",
)
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


def role_passwords(admin_url: str, environment: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """The roles' passwords: VITA_<SERVICE>_PASSWORD where the environment has it, else derived from the
    administrator's, so that all who prepare one server agree on them."""
    secret = unquote(urlsplit(admin_url).password or "")
    return {
        role: environment.get(f"{role.upper()}_PASSWORD")
        or hmac.digest(secret.encode(), role.encode(), "sha256").hex()[:40]
        for role in LOGIN_ROLES
    }


def role_url(admin_url: str, role: str, password: str, database: str) -> str:
    """Where one role connects to one database of the administrator's server."""
    parts = urlsplit(admin_url)
    location = parts.netloc.rpartition("@")[2]
    return urlunsplit(
        parts._replace(netloc=f"{role}:{quote(password, safe='')}@{location}", path=f"/{database}")
    )


def database_url(admin_url: str, database: str) -> str:
    """Where the administrator connects to one database."""
    return urlunsplit(urlsplit(admin_url)._replace(path=f"/{database}"))


async def prepare_database(admin_url: str, database: str, passwords: Mapping[str, str]) -> None:
    """Bring the server to what this version needs; safe to repeat, and for several callers at once."""
    async with _alone(admin_url) as server:
        await _ensure_roles(server, passwords)
        await _ensure_database(server, database)
        async with _connected(database_url(admin_url, database)) as connection:
            await _ensure_extensions(connection)
            await _migrate(connection, read_migrations())
            await ensure_generation(connection)
            await expect_one_tenant(connection)


async def clone_database(admin_url: str, template: str, database: str) -> None:
    """A new database with the template's content and rights; nobody may be connected to the template."""
    async with _connected(admin_url) as server:
        await server.execute(
            f"CREATE DATABASE {_name(database)} TEMPLATE {_name(template)} OWNER {OWNER} STRATEGY FILE_COPY"
        )
        await _grant_database(server, database)


async def drop_database(admin_url: str, database: str) -> None:
    """Remove a database and whoever is connected to it."""
    async with _connected(admin_url) as server:
        await server.execute(f"DROP DATABASE IF EXISTS {_name(database)} WITH (FORCE)")


async def count_topic_lives(admin_database_url: str, topics: Collection[str]) -> None:
    """These topics begin a new life: what was stored of offsets in an earlier one means other records."""
    async with _connected(admin_database_url) as connection:
        await connection.execute(
            "INSERT INTO ledger.topic_epoch AS known (topic, epoch)"
            " SELECT name, 1 FROM unnest($1::text[]) AS name"
            " ON CONFLICT (topic) DO UPDATE SET epoch = known.epoch + 1",
            list(topics),
        )


async def _ensure_roles(server: asyncpg.Connection, passwords: Mapping[str, str]) -> None:
    known = {row["rolname"] for row in await server.fetch("SELECT rolname FROM pg_roles")}
    if OWNER not in known:
        await server.execute(f"CREATE ROLE {OWNER} NOLOGIN")
    for role in LOGIN_ROLES:
        if role not in known:
            await server.execute(f"CREATE ROLE {role} NOLOGIN")
        literal = await server.fetchval("SELECT quote_literal($1::text)", passwords[role])
        await server.execute(f"ALTER ROLE {role} LOGIN PASSWORD {literal}")
    if not await server.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        await server.execute(f"GRANT {OWNER} TO CURRENT_USER WITH SET TRUE, INHERIT TRUE")


async def _ensure_database(server: asyncpg.Connection, database: str) -> None:
    if not await server.fetchval("SELECT true FROM pg_database WHERE datname = $1", database):
        await server.execute(
            f"CREATE DATABASE {_name(database)} OWNER {OWNER} ENCODING 'UTF8' TEMPLATE template0"
        )
    await _grant_database(server, database)


async def _grant_database(server: asyncpg.Connection, database: str) -> None:
    """Rights on the database itself, which a copy does not inherit."""
    name = _name(database)
    await server.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    await server.execute(f"GRANT CONNECT ON DATABASE {name} TO {', '.join(LOGIN_ROLES)}")


async def _ensure_extensions(connection: asyncpg.Connection) -> None:
    await connection.execute("SET client_min_messages = warning")
    for extension in EXTENSIONS:
        await connection.execute(f"CREATE EXTENSION IF NOT EXISTS {extension} SCHEMA public")


async def _migrate(connection: asyncpg.Connection, migrations: list[Migration]) -> None:
    await connection.execute(
        f"SET lock_timeout = '{LOCK_TIMEOUT}'; SET statement_timeout = '{STATEMENT_TIMEOUT}'"
    )
    await connection.execute(f"SET ROLE {OWNER}")
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


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
