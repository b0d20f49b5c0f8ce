"""The event that decides what became of a request with an `Idempotency-Key`.

Before the event is appended it is claimed for the request, as unique values are. The projector confirms or
drops the claim with the event, and the reconciler releases it once the log is known not to hold the event. So
the claim tells what became of a request whose process or acknowledgement was lost.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from services.management.decisions.outcome import Claim
from services.runtime.sql import load
from services.runtime.tenant_pool import TenantPool


@dataclass(frozen=True, slots=True)
class Pending:
    """A request whose result is kept."""

    database: TenantPool
    tenant: str
    place: bytes

    @property
    def claim(self) -> Claim:
        """Return the claim of the request's event."""
        return Claim("", "request", self.place.hex())

    async def note(self, subject: str, event_id: str, connection: asyncpg.Connection | None = None) -> None:
        """Claim an event for the request, in place of one before. Raises Transient."""
        if connection is None:
            async with self.database.connection(self.tenant) as own:
                await self.note(subject, event_id, own)
            return
        query = load("services.management", "idempotency.sql")["note_once"]
        await connection.execute(query, self.tenant, self.claim.value, subject, UUID(event_id))


PENDING: Final[ContextVar[Pending | None]] = ContextVar("pending", default=None)
"""The request that is being carried out, where its result is kept."""
