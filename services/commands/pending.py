"""The event that decides what became of a request with an `Idempotency-Key`.

Before the event is appended it is reserved for the request, as unique values are. The projector confirms or
drops the reservation with the event, and the reconciler releases it once the log is known not to hold the
event. So the reservation tells what became of a request whose process or acknowledgement was lost.
"""

from dataclasses import dataclass, field

from schemas.formats.identifiers import key_owner
from schemas.sealing.keys import SubjectKeys
from services.ledger import idempotency
from services.runtime.postgres.pool import DatabaseConnection
from services.runtime.postgres.tenant_pool import TenantPool


@dataclass(slots=True)
class Pending:
    """A request whose result is kept. `owner` and `keys` are those of the event that decides, once there is
    one: they seal the result as they seal the event."""

    database: TenantPool
    tenant: str
    place: bytes
    owner: str
    keys: SubjectKeys = field(repr=False)

    async def note(
        self, subject: str, event_id: str, keys: SubjectKeys, connection: DatabaseConnection | None = None
    ) -> None:
        """Reserve an event, which these keys seal, for the request, in place of one before. Raises
        Transient."""
        if connection is None:
            async with self.database.connection(self.tenant) as own:
                await self.note(subject, event_id, keys, own)
            return
        await idempotency.reserve_event(connection, self.tenant, self.place, subject, event_id)
        self.owner, self.keys = key_owner(self.tenant, subject), keys
