"""The tenant's own settings, as far as other parts go by them."""

from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg

from projections.log_entry.entry import first_id
from services.runtime.postgres.named_queries import load

SETTINGS: Final = "settings"
"""The id of the one setting of the kind `tenant`."""
ALL: Final = ""
"""The oldest id to be shown where entries are kept for ever."""


async def oldest_log_id(connection: asyncpg.Connection, tenant: str) -> str:
    """Below which id log entries are kept no more."""
    days: int | None = await connection.fetchval(load("services.management")["log_retention"], tenant)
    return ALL if days is None else first_id(datetime.now(UTC) - timedelta(days=days))
