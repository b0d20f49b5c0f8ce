"""Reserves unique values for the events of a command before they are appended."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from schemas.events import Event
from services.commands.reconciler import Reconciler
from services.ledger import reservations
from services.ledger.reservations import Reservation, Taken
from services.runtime.postgres.pool import DatabaseConnection
from services.runtime.postgres.tenant_pool import TenantPool
from services.runtime.rejection import Rejected, Rejection

CheckCapacity = Callable[[DatabaseConnection], Awaitable[None]]
"""Raises Rejected if there is no capacity; runs in the transaction that reserves."""
Release = Callable[[], Awaitable[bool]]
"""Releases values that no object in the view has any more; returns whether there were any."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """The object for which values are reserved.

    `id` is the subject or the id of the object, `taken` returns the rejection of a value of this kind that
    another object has.
    """

    id: str
    taken: Callable[[str], Rejection]
    release: Release | None = None
    check_capacity: CheckCapacity | None = None


class Reserver:
    """Reserves values, and releases stale reservations that conflict."""

    def __init__(self, database: TenantPool, reconciler: Reconciler) -> None:
        self._database, self._reconciler = database, reconciler

    async def reserve(
        self, tenant: str, bearer: Bearer, wanted: Sequence[Reservation], events: Sequence[Event]
    ) -> None:
        """Reserve the values of the events.

        A conflicting value is tried once more if its reservation could be released, because no object has the
        value any more or a crash left the reservation behind. Raises Rejected.
        """
        event_ids = [event.id for event in events]
        try:
            try:
                await self._reserve(tenant, bearer, wanted, event_ids)
            except Taken:
                released = bearer.release is not None and await bearer.release()
                if not released and not await self._reconciler.settle(tenant, wanted):
                    raise
                await self._reserve(tenant, bearer, wanted, event_ids)
        except Taken as taken:
            raise Rejected(bearer.taken(taken.kind)) from None

    async def release(self, tenant: str, events: Sequence[Event]) -> None:
        """Release the reservations of events that certainly are not on the log."""
        async with self._database.connection(tenant) as connection:
            await reservations.release(connection, tenant, [event.id for event in events])

    async def _reserve(
        self, tenant: str, bearer: Bearer, wanted: Sequence[Reservation], event_ids: Sequence[str]
    ) -> None:
        async with self._database.connection(tenant) as connection, connection.transaction():
            if bearer.check_capacity is not None:
                await bearer.check_capacity(connection)
            await reservations.reserve(connection, tenant, bearer.id, wanted, event_ids)
