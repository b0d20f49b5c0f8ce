"""Planner statistics for tables that are still empty."""

from typing import Final

import asyncpg

_FIRST_VERSION: Final = 18
"""The first PostgreSQL version that accepts statistics that were not gathered."""
_EXPECT: Final = """
SELECT pg_restore_attribute_stats(
    'schemaname', n.nspname::text, 'relname', c.relname::text, 'attname', a.attname::text, 'inherited', false,
    'null_frac', 0::real, 'avg_width', 8, 'n_distinct', CASE a.attname WHEN 'tenant' THEN 1 ELSE -1 END::real
)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace AND (n.nspname = 'ledger' OR starts_with(n.nspname, 'view_'))
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = ANY ($1::text[])
WHERE c.relkind = 'r' AND c.reltuples < 0
"""
_NAMING: Final = (
    "subject",
    "owner",
    "user_id",
    "idp_id",
    "value",
    "event_id",
    "email",
    "email_folded",
    "username",
)
"""Columns whose values are mostly distinct."""


async def expect_one_tenant(connection: asyncpg.Connection) -> None:
    """Tell the planner that the rows of new tables belong to one tenant and about as many users as rows.

    Without statistics, it assumes two hundred tenants, so that any index beginning with the tenant seems
    as good as the right one. Plans made that way outlive the first thousands of rows, and each look-up
    would scan all of them. Runs as the owner.
    """
    if connection.get_server_version().major >= _FIRST_VERSION:
        await connection.execute(_EXPECT, ["tenant", *_NAMING])
