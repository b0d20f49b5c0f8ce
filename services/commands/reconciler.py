"""Releases orphaned reservations once the log is known not to contain their events.

A reservation is unsettled while the projector has not seen its event. A process that still tries to append
that event renews it. If a reservation was not renewed for `settle_seconds`, its event is on the log or never
will be. The reconciler therefore waits until the views show everything that is on the log by then; a
reservation that is still unconfirmed is an orphan.
"""

from collections.abc import Sequence

import structlog

from services.commands.links.saga import Sagas
from services.commands.writer import Writer
from services.ledger import idempotency, reservations
from services.ledger.reservations import Reservation
from services.ledger.tenants import tenant_names
from services.runtime.kafka.log_reader import LogReader
from services.runtime.kafka.log_writer import partition_of
from services.runtime.postgres.tenant_pool import TenantPool

_log = structlog.get_logger()


class Reconciler:
    """Settles the reservations of all tenants periodically, and those that block a command at once."""

    def __init__(
        self,
        database: TenantPool,
        writer: Writer,
        end: LogReader,
        partitions: int,
        sagas: Sagas,
        settle_seconds: float,
    ) -> None:
        self._database, self._writer, self._end = database, writer, end
        self._partitions, self._sagas, self._settle_seconds = partitions, sagas, settle_seconds

    async def sweep(self) -> int:
        """Settle every tenant's reservations and sagas, and forget old results of repeatable requests.

        Return how many reservations were released. Raises Transient.
        """
        async with self._database.connection("") as connection:
            tenants = await tenant_names(connection)
        for tenant in tenants:
            await self._sagas.settle(tenant)
        under_way = self._writer.under_way()
        released = 0
        for tenant in tenants:
            async with self._database.connection(tenant) as connection:
                await reservations.renew(connection, tenant, under_way.get(tenant, []))
                await idempotency.forget_expired(connection, tenant)
            released += await self.settle(tenant)
        return released

    async def settle(self, tenant: str, among: Sequence[Reservation] | None = None) -> int:
        """Settle a tenant's old reservations, only those of these values if `among` is given. Return the
        number of released ones. Raises Transient."""
        async with self._database.connection(tenant) as connection:
            found = await reservations.unsettled(connection, tenant, self._settle_seconds, among)
        mine = set(self._writer.under_way().get(tenant, []))
        old = [(event_id, subject) for event_id, subject in found if event_id not in mine]
        if not old or not await self._log_is_applied(tenant, {subject for _, subject in old}):
            return 0
        async with self._database.connection(tenant) as connection:
            await reservations.release(connection, tenant, [event_id for event_id, _ in old])
        _log.info("reservations_settled", looked_at=len(old))
        return len(old)

    async def _log_is_applied(self, tenant: str, subjects: set[str]) -> bool:
        partitions = {
            partition_of(reservations.log_key(tenant, subject), self._partitions) for subject in subjects
        }
        ends = [await self._end.last(partition) for partition in partitions]
        return all([await self._writer.wait_for_view(end) for end in ends])
