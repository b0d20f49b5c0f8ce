"""Commands to the API clients of a tenant."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from projections.client.fold import ClientState
from schemas.events import ClientConfigured, ClientConfiguredData, Event
from schemas.formats.exact_json import same
from schemas.sealing.keys import Keyring
from services.commands.context import CommandContext
from services.commands.decision import UNCHANGED, Acceptance, Decision, Draft
from services.commands.execute import Absent, Executor
from services.commands.settings.aggregate import Configuration
from services.commands.writer import Written
from services.queries.clients import find_client, find_client_event
from services.runtime.postgres.tenant_pool import TenantPool
from services.runtime.rejection import Rejected, Rejection

NO_SUCH_CLIENT: Final = Rejection("not_found", "The client does not exist", "inexistent_client")
_BUSY: Final = Rejection("conflict", "The client is being changed by others. Please try again.")
Decide = Callable[[ClientState], ClientState | Rejection]
"""Decides the changed client; returns the present one if nothing changes."""


@dataclass(frozen=True, slots=True)
class ChangedClient:
    """A client after a command; `written` is None if nothing was written."""

    client: ClientState
    written: Written | None


class ClientStore:
    """Reads clients for commands."""

    def __init__(self, database: TenantPool, keyring: Keyring) -> None:
        self._database, self._keyring = database, keyring

    async def find(self, tenant: str, client_id: str) -> ClientState | None:
        """Return a client with its secrets decrypted, or None if it does not exist or was deleted. Raises
        Transient."""
        async with self._database.connection(tenant) as connection:
            return await find_client(connection, self._keyring, tenant, client_id)

    async def get(self, tenant: str, client_id: str) -> ClientState:
        """Return a client with its secrets decrypted. Raises Rejected (not_found), or Transient."""
        found = await self.find(tenant, client_id)
        if found is None:
            raise Rejected(NO_SUCH_CLIENT)
        return found

    async def last_event(self, tenant: str, client_id: str) -> str | None:
        """Return the id of the event that last changed a client, None if it never existed."""
        async with self._database.connection(tenant) as connection:
            return await find_client_event(connection, tenant, client_id)


class ClientCommands:
    """Commands to one client each."""

    def __init__(self, executor: Executor, store: ClientStore) -> None:
        self._executor, self.store = executor, store

    async def create(self, context: CommandContext, client: ClientState) -> ChangedClient:
        """Create a client with a unique id. Raises Rejected, or Transient."""
        aggregate = _ClientToCreate(self._executor, context.tenant)
        executed = await self._executor.execute(context.unguarded(), aggregate, lambda _: _configured(client))
        return ChangedClient(replace(client, revision=1), executed.written)

    async def change(self, context: CommandContext, client_id: str, decide: Decide) -> ChangedClient:
        """Change a client. Raises Rejected, or Transient."""
        aggregate = _ExistingClient(self._executor, self.store, context.tenant, client_id)
        return await self._execute(context, aggregate, decide)

    async def remove(self, context: CommandContext, client_id: str) -> ChangedClient | None:
        """Remove a client. Return None if there is none. Raises Rejected, or Transient."""
        aggregate = _ClientToRemove(self._executor, self.store, context.tenant, client_id)
        try:
            return await self._execute(
                context, aggregate, lambda current: replace(current, deleted=True, secret_hash=None)
            )
        except Absent:
            return None

    async def _execute(
        self, context: CommandContext, aggregate: "_ExistingClient", decide: Decide
    ) -> ChangedClient:
        decided: ClientState | None = None

        def decision(current: ClientState) -> Decision:
            nonlocal decided
            changed = decide(current)
            if isinstance(changed, Rejection):
                return changed
            if changed == current and same(dict(changed.settings), dict(current.settings)):
                return UNCHANGED
            decided = replace(changed, revision=current.revision + 1)
            return _configured(changed)

        executed = await self._executor.execute(context, aggregate, decision)
        if executed.written is None or decided is None:
            return ChangedClient(executed.state, None)
        return ChangedClient(decided, executed.written)


class _ExistingClient(Configuration[ClientState, None]):
    busy = _BUSY

    def __init__(self, executor: Executor, store: ClientStore, tenant: str, client_id: str) -> None:
        super().__init__(executor, tenant)
        self._store, self._id = store, client_id

    async def read(self) -> ClientState:
        return await self._store.get(self._tenant, self._id)

    def revision(self, state: ClientState) -> int:
        return state.revision

    async def outcome(self, _state: ClientState, events: Sequence[Event], _conditional: bool) -> None:
        self.check_effect(await self._store.last_event(self._tenant, self._id), events)


class _ClientToRemove(_ExistingClient):
    async def read(self) -> ClientState:
        found = await self._store.find(self._tenant, self._id)
        if found is None:
            raise Absent
        return found


class _ClientToCreate(Configuration[None, None]):
    busy = _BUSY

    async def read(self) -> None:
        return None

    def revision(self, _state: None) -> int:
        return 0

    async def outcome(self, _state: None, _events: Sequence[Event], _conditional: bool) -> None:
        return None


def _configured(client: ClientState) -> Acceptance:
    data = ClientConfiguredData(
        client_id=client.client_id,
        name=client.name,
        scopes=client.scopes,
        secret_hash=client.secret_hash,
        deleted=client.deleted,
        settings=dict(client.settings),
    )
    return Acceptance((Draft(ClientConfigured, data),))
