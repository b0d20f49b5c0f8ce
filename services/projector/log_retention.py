"""Log retention: periodic deletion of log entries older than the retention of their tenant.

Queries hide an entry from the moment it expires, so the time of deletion is not visible: a rebuilt generation
shows the same entries as one whose expired entries were deleted.
"""

from datetime import datetime, timedelta
from typing import Final

import asyncpg
import structlog

from projections.log_entry.entry import first_id
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import database_failures

INTERVAL_SECONDS: Final = 600.0
BATCH_ROWS: Final = 5_000
"""Rows per statement, which keeps transactions short."""
_log = structlog.get_logger()


async def delete_expired(pool: asyncpg.Pool, now: datetime) -> int:
    """Delete the log entries that have expired at `now` and return their number. Several processes may do so
    at once. Raises Transient."""
    queries, total = load("projections.log_entry"), 0
    with database_failures():
        for row in await pool.fetch(queries["read_retentions"]):
            oldest = first_id(now - timedelta(days=row["days"]))
            while True:
                status = await pool.execute(queries["delete_expired"], row["tenant"], oldest, BATCH_ROWS)
                deleted = int(status.removeprefix("DELETE "))
                total += deleted
                if deleted < BATCH_ROWS:
                    break
    if total:
        _log.info("expired_log_entries_deleted", count=total)
    return total
