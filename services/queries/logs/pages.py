"""Pages of log entries: one query, with further conditions and another order filled in. Everything that a
caller said is a parameter."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg

from projections.log_entry.entry import first_id
from schemas.formats.spelling import composed
from services.queries.settings import log_retention_days
from services.runtime.postgres.named_queries import fill, load
from services.runtime.postgres.pool import DatabaseConnection

NEWEST_FIRST: Final = "e.log_id DESC"
OLDEST_FIRST: Final = "e.log_id ASC"
_NO_BOUND: Final = ""
"""The oldest id to be shown where entries are kept for ever."""
_OWN_PARAMETERS: Final = 4


@dataclass(slots=True)
class PageQuery:
    """Which entries `e` make a page. The conditions and the order are SQL of ours, and the conditions name
    the added parameters."""

    tenant: str
    limit: int
    offset: int = 0
    order: str = NEWEST_FIRST
    conditions: list[str] = field(default_factory=list)
    added: list[Any] = field(default_factory=list)

    def add(self, value: Any) -> str:
        """Add a parameter and return its name."""
        self.added.append(value)
        return f"${_OWN_PARAMETERS + len(self.added)}"

    def where(self, condition: str) -> None:
        """Restrict the page to entries of which this condition is true as well."""
        self.conditions.append(condition)

    @property
    def statement(self) -> str:
        """The statement with the conditions and the order filled in."""
        return fill(
            load("services.queries.logs", "pages.sql")["log_page"],
            conditions=" AND ".join(self.conditions) or "true",
            order_of_entries=self.order,
            order_of_rows=self.order,
        )


async def read_page(connection: DatabaseConnection, query: PageQuery) -> list[asyncpg.Record]:
    """Return the rows of a page. Entries older than the tenant's retention are left out, whether they have
    been deleted or not."""
    days = await log_retention_days(connection, query.tenant)
    oldest = _NO_BOUND if days is None else first_id(datetime.now(UTC) - timedelta(days=days))
    return await connection.fetch(
        query.statement, query.tenant, oldest, query.limit, query.offset, *query.added
    )


def starting_with(query: PageQuery, text: str) -> str:
    """Return the condition of the older search: the beginning of a client's name, a connection or a user's
    name, in any case and any Unicode form."""
    pattern = query.add(escape_like(composed(text.lower())) + "%")
    form = "lower({column})" if text.isascii() else "normalize(lower({column}), NFC)"
    connection, user, client = (
        form.format(column=name) for name in ("e.connection", "e.user_name", "c.name")
    )
    return (
        f"({connection} LIKE {pattern} OR {user} LIKE {pattern} OR e.client_id IN"
        f" (SELECT c.client_id FROM views.client AS c WHERE c.tenant = $1 AND {client} LIKE {pattern}))"
    )


def escape_like(text: str) -> str:
    """Return a pattern that LIKE matches with exactly this text."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
