"""Commands to the connections of a tenant."""

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from projections.connection.fold import ConnectionState
from projections.connection.row import connection_of
from schemas.events import Event
from schemas.formats import exact_json
from schemas.sealing.keys import Keyring
from services.commands.conflict_retry import Conflict
from services.commands.context import CommandContext
from services.commands.decision import Acceptance
from services.commands.execute import Absent, Executed, Executor
from services.commands.identifiers import new_id
from services.commands.reserve import Bearer
from services.commands.settings.aggregate import Configuration
from services.commands.settings.decide_connection import NewConnection, decide_new, decide_removal
from services.ledger import reservations
from services.ledger.reservations import Reservation
from services.queries.connections import find_connection, open_documents
from services.runtime.postgres.tenant_pool import TenantPool
from services.runtime.rejection import Rejected, Rejection

NO_SUCH_CONNECTION: Final = Rejection("not_found", "The connection does not exist", "inexistent_connection")
CONNECTION_EXISTS: Final = Rejection("conflict", "A connection with the same name already exists")
CONNECTION_BUSY: Final = Rejection("conflict", "The connection is being changed by others. Please try again.")
_ID_ALPHABET: Final = string.ascii_lowercase + string.digits
Decide = Callable[[ConnectionState], Acceptance]


@dataclass(frozen=True, slots=True)
class StoredConnection:
    """A connection with its secrets decrypted, and the text of its document."""

    connection: ConnectionState
    text: str


class ConnectionStore:
    """Reads connections for commands, and releases their names."""

    def __init__(self, database: TenantPool, keyring: Keyring) -> None:
        self._database, self._keyring = database, keyring

    async def find(
        self, tenant: str, connection_id: str, *, deleted: bool = False
    ) -> StoredConnection | None:
        """Return the connection with this id, None if there is none. A deleted one is returned only with
        `deleted`. Raises Transient."""
        async with self._database.connection(tenant) as connection:
            row = await find_connection(connection, tenant, connection_id, deleted=deleted)
        if row is None:
            return None
        (text,) = await open_documents(self._database, self._keyring, tenant, [row])
        return StoredConnection(connection_of(row, exact_json.loads(text)), text)

    async def get(self, tenant: str, connection_id: str) -> StoredConnection:
        """Return the connection with this id. Raises Rejected (not_found), or Transient."""
        found = await self.find(tenant, connection_id)
        if found is None:
            raise Rejected(NO_SUCH_CONNECTION)
        return found

    async def release_name(self, tenant: str, name: str) -> bool:
        """Release the name of a connection that no longer exists; return whether there was a reservation."""
        async with self._database.connection(tenant) as connection:
            return await reservations.release_connection_name(connection, tenant, name)


class ConnectionCommands:
    """Commands to one connection each."""

    def __init__(self, executor: Executor, store: ConnectionStore) -> None:
        self._executor, self.store = executor, store

    async def create(
        self, context: CommandContext, new: NewConnection
    ) -> tuple[str, Executed[None, StoredConnection]]:
        """Create a connection; return its id as well. Raises Rejected, or Transient."""
        connection_id = new_id("con_", alphabet=_ID_ALPHABET)
        aggregate = _ConnectionToCreate(self._executor, self.store, context.tenant, connection_id)
        accepted = decide_new(new, connection_id)
        executed = await self._executor.execute(context.unguarded(), aggregate, lambda _: accepted)
        return connection_id, executed

    async def change(
        self, context: CommandContext, connection_id: str, decide: Decide
    ) -> Executed[StoredConnection, StoredConnection]:
        """Change a connection as `decide` says. Raises Rejected, or Transient."""
        aggregate = _ExistingConnection(self._executor, self.store, context.tenant, connection_id)
        return await self._executor.execute(context, aggregate, lambda stored: decide(stored.connection))

    async def remove(
        self, context: CommandContext, connection_id: str
    ) -> Executed[StoredConnection, StoredConnection] | None:
        """Remove a connection and release its name. Return None if there is none. Raises Rejected, or
        Transient."""
        aggregate = _ConnectionToRemove(self._executor, self.store, context.tenant, connection_id)
        executed = await self._executor.execute_if_present(
            context, aggregate, lambda stored: decide_removal(stored.connection)
        )
        if executed is not None:
            await self.store.release_name(context.tenant, executed.state.connection.name)
        return executed


class _ExistingConnection(Configuration[StoredConnection, StoredConnection]):
    busy = CONNECTION_BUSY

    def __init__(self, executor: Executor, store: ConnectionStore, tenant: str, connection_id: str) -> None:
        super().__init__(executor, tenant)
        self._store, self._id = store, connection_id

    async def read(self) -> StoredConnection:
        return await self._store.get(self._tenant, self._id)

    def revision(self, state: StoredConnection) -> int:
        return state.connection.revision

    async def outcome(
        self, _state: StoredConnection, events: Sequence[Event], _conditional: bool
    ) -> StoredConnection:
        shown = await self._store.find(self._tenant, self._id, deleted=True)
        if shown is None:
            raise Conflict
        self.check_effect(shown.connection.event_id, events)
        return shown


class _ConnectionToRemove(_ExistingConnection):
    async def read(self) -> StoredConnection:
        found = await self._store.find(self._tenant, self._id)
        if found is None:
            raise Absent
        return found


class _ConnectionToCreate(Configuration[None, StoredConnection]):
    busy = CONNECTION_BUSY

    def __init__(self, executor: Executor, store: ConnectionStore, tenant: str, connection_id: str) -> None:
        super().__init__(executor, tenant)
        self._store, self._id = store, connection_id

    async def read(self) -> None:
        return None

    def revision(self, _state: None) -> int:
        return 0

    async def outcome(self, _state: None, _events: Sequence[Event], _conditional: bool) -> StoredConnection:
        found = await self._store.find(self._tenant, self._id, deleted=True)
        if found is None:
            raise Rejected(CONNECTION_EXISTS)
        return found

    def bearer(self, _state: None, wanted: Sequence[Reservation]) -> Bearer:
        async def release() -> bool:
            return await self._store.release_name(self._tenant, wanted[0].value)

        return Bearer(self._id, lambda _: CONNECTION_EXISTS, release)
