"""The common part of a tenant's configuration: the tenant owns its events."""

from collections.abc import Sequence
from typing import TypeVar

from schemas.events import Event
from services.commands.conflict_retry import Conflict
from services.commands.execute import Aggregate, Executor, Owner

State = TypeVar("State")
Shown = TypeVar("Shown")


class Configuration(Aggregate[State, Shown]):
    """An object that a tenant configures. The view has the id of the event that last changed it."""

    def __init__(self, executor: Executor, tenant: str) -> None:
        self._executor, self._tenant = executor, tenant

    async def owner(self, _state: State) -> Owner:
        """Return the tenant itself."""
        return await self._executor.tenant_owner(self._tenant)

    def check_effect(self, last_event: str | None, events: Sequence[Event]) -> None:
        """Check the last event that the view shows. Raises Conflict if another event came before the
        command's events, or right after."""
        if last_event != events[0].id:
            raise Conflict
