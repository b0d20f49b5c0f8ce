"""Users of the views together with the keys that open and seal them.

Users and keys are read by one statement: a second round trip would cost more than the rows. Every row has
`version`, `profile` and `activity`, the wrapped keys that `wrapped_keys` takes.
"""

from collections.abc import Sequence

import asyncpg

from services.runtime.postgres.batch_loader import RowLoader
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection
from services.runtime.postgres.tenant_pool import TenantPool


def users_with_secrets(database: TenantPool) -> RowLoader:
    """Return the loader of users by user_id with their sealed secrets: `revision`, `document`, `subject`,
    `secrets`, and the keys, None where there are no secrets."""
    return RowLoader(database, _query("users_with_secrets"))


def users_to_edit(database: TenantPool) -> RowLoader:
    """Return the loader of users by user_id who are about to be changed: `subject`, `revision`, `document`,
    `associations`, and the keys."""
    return RowLoader(database, _query("users_to_edit"))


async def users_by_email(
    connection: DatabaseConnection, tenant: str, email: str, secrets: bool
) -> list[asyncpg.Record]:
    """Return the users with exactly this address, by subject: `document`, `subject`, and with `secrets` the
    sealed `secrets` and the keys, otherwise None."""
    return await connection.fetch(_query("users_by_email"), tenant, email, secrets)


async def whole_users(
    connection: DatabaseConnection, tenant: str, subjects: Sequence[str], user_ids: Sequence[str]
) -> list[asyncpg.Record]:
    """Return the users with these subjects or user_ids: `subject`, `revision`, `document`, `memory`,
    `secrets`, `associations`, and the keys."""
    query = _query("whole_users")
    return await connection.fetch(query, tenant, list(subjects), list(user_ids))


async def read_owners(
    connection: DatabaseConnection, owners: Sequence[tuple[str, str]]
) -> list[asyncpg.Record]:
    """Return a row for each owner of keys, (tenant, person or tenant itself), from the generation on the
    connection's search path.

    `version`, `profile_key` and `activity_key` are None without keys; `revision`, `document`, `memory`,
    `secrets` and `associations` are None for an owner who is no user in the view; `guarded` is true if logins
    of this user failed.
    """
    tenants, names = [owner[0] for owner in owners], [owner[1] for owner in owners]
    return await connection.fetch(_query("read_owners"), tenants, names)


def join_keys(alias: str, subject: str) -> str:
    """Return the SQL that joins the keys of a subject, an expression of ours, to a statement whose first
    parameter is the tenant; keys that do not exist are null."""
    return f"LEFT JOIN ledger.subject_key AS {alias} ON {alias}.tenant = $1 AND {alias}.owner = {subject}"


def _query(name: str) -> str:
    return load("services.ledger.keys", "users.sql")[name]
