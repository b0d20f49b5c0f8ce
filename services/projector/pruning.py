"""Log entries past their tenant's retention, deleted now and then.

Reads leave them out from the moment they are too old, so it does not matter when they go: a generation being
built again has the same entries to show as the one that was pruned.
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
"""Rows of one statement: no transaction of this is long."""
_log = structlog.get_logger()


async def prune(pool: asyncpg.Pool, now: datetime) -> int:
    """Deletes what is too old by then; how many entries. Several processes may do it at once. Raises
    Transient."""
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
