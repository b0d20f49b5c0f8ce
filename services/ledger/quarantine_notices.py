"""Quarantine notices: which quarantined logins have entries in the log of their tenant (table
`ledger.quarantine_reported`).

Notices are counted per tenant and reason: a key is such a pair.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection

NoticeKey = tuple[str, str]
"""(tenant, reason)"""


class Notice(NamedTuple):
    """The minute of the latest entry that a tenant's log has for one reason, -1 before the first, and how
    many letters since then have no entry."""

    minute: int = -1
    unreported: int = 0


async def lock_notices(connection: DatabaseConnection, keys: Sequence[NoticeKey]) -> dict[NoticeKey, Notice]:
    """Return the notices of these keys, which are created if they do not exist. They are locked until the
    transaction ends, so that other processes that quarantine logins with these keys wait."""
    if not keys:
        return {}
    columns = list(zip(*keys, strict=True))
    await connection.execute(_query("begin"), *columns)
    rows = await connection.fetch(_query("lock"), *columns)
    return {(row["tenant"], row["reason"]): Notice(row["minute"], row["unreported"]) for row in rows}


async def update_notices(connection: DatabaseConnection, notices: Mapping[NoticeKey, Notice]) -> None:
    """Overwrite locked notices."""
    if notices:
        rows = [(*key, *notice) for key, notice in notices.items()]
        await connection.execute(_query("update"), *zip(*rows, strict=True))


def _query(name: str) -> str:
    return load("services.ledger", "quarantine_notices.sql")[name]
