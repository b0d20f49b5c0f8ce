"""Values claimed for somebody; what nobody bears any more and what a crash left behind do not stand in the
way."""

from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from schemas.events import Event
from services.ledger import reservations
from services.ledger.reservations import Reservation
from services.management.http.requests import Call

Room = Callable[[asyncpg.Connection], Awaitable[None]]
"""Raises Rejected where there is none, asked in the transaction that claims."""


async def claim(
    call: Call,
    bearer: str,
    wanted: Sequence[Reservation],
    events: Sequence[Event],
    release: Callable[[], Awaitable[bool]] | None = None,
    room: Room | None = None,
) -> None:
    """Claims what the events need, where there is `room`. When it is taken, what `release` and the reconciler
    free is tried for once more. Raises claims.Taken."""
    event_ids = [event.id for event in events]
    try:
        await _make(call, bearer, wanted, event_ids, room)
    except reservations.Taken:
        freed = release is not None and await release()
        if not freed and not await call.service.reconciler.settle(call.tenant, wanted):
            raise
        await _make(call, bearer, wanted, event_ids, room)


async def _make(
    call: Call, bearer: str, wanted: Sequence[Reservation], event_ids: Sequence[str], room: Room | None
) -> None:
    async with call.service.database.connection(call.tenant) as connection, connection.transaction():
        if room is not None:
            await room(connection)
        await reservations.reserve(connection, call.tenant, bearer, wanted, event_ids)
