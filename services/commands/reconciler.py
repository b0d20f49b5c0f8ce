"""Orphaned claims: released once the log is known not to hold their events.

A claim is unsettled while the projector has not seen its event. A process that still tries to append that
event renews the claim; a claim not renewed for `claim_settle_seconds` belongs to an event that is on the log
or never will be. So all that is on the log by then is waited for, and what is still unconfirmed is an orphan.
"""

from collections.abc import Sequence

import structlog

from services.commands.saga import Links
from services.commands.writer import Writer
from services.ledger import idempotency, reservations
from services.ledger.progress.position_watch import PositionWatch
from services.ledger.reservations import Reservation
from services.ledger.tenants import tenant_names
from services.management.settings import Settings
from services.runtime.kafka.log_reader import LogReader
from services.runtime.kafka.log_writer import partition_of
from services.runtime.postgres.tenant_pool import TenantPool

_log = structlog.get_logger()


class Reconciler:
    """Settles claims: all tenants' now and then, and those in somebody's way at once."""

    def __init__(
        self,
        settings: Settings,
        database: TenantPool,
        writer: Writer,
        end: LogReader,
        watch: PositionWatch,
        partitions: int,
        links: Links,
    ) -> None:
        self._settings, self._database, self._writer = settings, database, writer
        self._end, self._watch, self._partitions, self._links = end, watch, partitions, links

    async def sweep(self) -> int:
        """Settles every tenant's claims and links, forgets old results of repeatable requests.

        Answers how many claims were released. Raises Transient.
        """
        async with self._database.connection("") as connection:
            tenants = await tenant_names(connection)
        for tenant in tenants:
            await self._links.settle(tenant)
        under_way = self._writer.under_way()
        released = 0
        for tenant in tenants:
            async with self._database.connection(tenant) as connection:
                await reservations.renew(connection, tenant, under_way.get(tenant, []))
                await idempotency.forget_expired(connection, tenant)
            released += await self.settle(tenant)
        return released

    async def settle(self, tenant: str, among: Sequence[Reservation] | None = None) -> int:
        """Settles one tenant's old claims, or those of them in the way of others; how many were released."""
        async with self._database.connection(tenant) as connection:
            found = await reservations.unsettled(
                connection, tenant, self._settings.claim_settle_seconds, among
            )
        mine = set(self._writer.under_way().get(tenant, []))
        old = [(event_id, subject) for event_id, subject in found if event_id not in mine]
        if not old or not await self._log_is_applied(tenant, {subject for _, subject in old}):
            return 0
        async with self._database.connection(tenant) as connection:
            await reservations.release(connection, tenant, [event_id for event_id, _ in old])
        _log.info("claims_settled", looked_at=len(old))
        return len(old)

    async def _log_is_applied(self, tenant: str, subjects: set[str]) -> bool:
        partitions = {
            partition_of(reservations.log_key(tenant, subject), self._partitions) for subject in subjects
        }
        ends = [await self._end.last(partition) for partition in partitions]
        wait = self._settings.view_wait_seconds
        return all([await self._watch.wait_for(end, wait) for end in ends])
