"""The tenant's own settings, as far as other parts go by them."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg

from projections.log_entry.entry import first_id
from services.management import reading

SETTINGS: Final = "settings"
"""The id of the one setting of the kind `tenant`."""
RETENTION: Final = "log_retention_days"
ALL: Final = ""
"""The oldest id to be shown where entries are kept for ever."""


async def oldest_log_id(connection: asyncpg.Connection, tenant: str) -> str:
    """Below which id log entries are kept no more."""
    found = await reading.setting(connection, tenant, "tenant", SETTINGS)
    days: Any = None if found is None else found.document.get(RETENTION)
    return ALL if days is None else first_id(datetime.now(UTC) - timedelta(days=days))
