"""Periodic deletion of log entries past the retention of their tenant.

Queries hide an entry from the moment it expires, so the time of deletion is not visible: a rebuilt generation
shows the same entries as one that was pruned.
"""

from datetime import datetime, timedelta
from typing import Final

import asyncpg
import structlog

from projections.log_entry.entry import first_id
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import database_failures

EVERY_SECONDS: Final = 600.0
AT_ONCE: Final = 5_000
"""Rows per statement, which keeps transactions short."""
_log = structlog.get_logger()


async def prune(pool: asyncpg.Pool, now: datetime) -> int:
    """Delete the entries that have expired at `now` and return their number. Several processes may prune at
    once. Raises Transient."""
    queries, pruned = load("services.projector"), 0
    with database_failures():
        for row in await pool.fetch(queries["retentions"]):
            oldest = first_id(now - timedelta(days=row["days"]))
            while True:
                status = await pool.execute(queries["prune"], row["tenant"], oldest, AT_ONCE)
                deleted = int(status.removeprefix("DELETE "))
                pruned += deleted
                if deleted < AT_ONCE:
                    break
    if pruned:
        _log.info("log_entries_pruned", count=pruned)
    return pruned
