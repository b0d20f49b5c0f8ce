"""The event that decides a request with an `Idempotency-Key`.

Before the event is appended it is reserved for the request, as unique values are. The projector confirms or
drops the reservation with the event, and the reconciler releases it once the log is known not to contain the
event. The reservation thus shows the outcome of a request whose process or acknowledgement was lost.
"""

from dataclasses import dataclass, field

from schemas.formats.identifiers import key_owner
from schemas.sealing.keys import SubjectKeys
from services.ledger import idempotency
from services.runtime.postgres.pool import DatabaseConnection
from services.runtime.postgres.tenant_pool import TenantPool


@dataclass(slots=True)
class Pending:
    """An idempotent request. `owner` and `keys` are those of its deciding event, once there is one; they seal
    the result as well."""

    database: TenantPool
    tenant: str
    place: bytes
    owner: str
    keys: SubjectKeys = field(repr=False)

    async def note(
        self, subject: str, event_id: str, keys: SubjectKeys, connection: DatabaseConnection | None = None
    ) -> None:
        """Reserve the event for the request, in place of an earlier one. `keys` are those that seal the
        event. Raises Transient."""
        if connection is None:
            async with self.database.connection(self.tenant) as own:
                await self.note(subject, event_id, keys, own)
            return
        await idempotency.reserve_event(connection, self.tenant, self.place, subject, event_id)
        self.owner, self.keys = key_owner(self.tenant, subject), keys
