"""A name claimed for somebody; what nobody bears any more and what a crash left behind do not stand in the
way."""

from collections.abc import Awaitable, Callable, Sequence

from schemas.events import Event
from services.management import claims
from services.management.decisions.outcome import Claim
from services.management.endpoint import Call


async def claim(
    call: Call,
    bearer: str,
    wanted: Sequence[Claim],
    events: Sequence[Event],
    release: Callable[[], Awaitable[bool]],
) -> None:
    """Claims what the events need. When it is taken, what `release` and the reconciler free is tried for once
    more. Raises claims.Taken."""
    event_ids = [event.id for event in events]
    try:
        await _make(call, bearer, wanted, event_ids)
    except claims.Taken:
        if not (await release() or await call.service.reconciler.settle(call.tenant, wanted)):
            raise
        await _make(call, bearer, wanted, event_ids)


async def _make(call: Call, bearer: str, wanted: Sequence[Claim], event_ids: Sequence[str]) -> None:
    async with call.service.database.connection(call.tenant) as connection, connection.transaction():
        await claims.make(connection, call.tenant, bearer, wanted, event_ids)
