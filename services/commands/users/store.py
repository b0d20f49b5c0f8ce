"""Reads users for commands, and the effect of commands from the view."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from projections.connection.fold import ConnectionState
from projections.connection.row import connection_of
from projections.normalization.defaults import Pictures, pictures_of
from projections.profile.changes.edits import place_of
from projections.profile.changes.links import owner_of
from schemas.events import Event
from schemas.sealing.keys import Keyring
from services.commands.conflict_retry import Conflict
from services.commands.execute import Aggregate, Owner
from services.commands.reserve import Bearer
from services.commands.user_locks import UserLocks
from services.commands.user_rejections import NO_SUCH_USER, TAKEN, USER_BUSY
from services.ledger.reservations import Reservation
from services.queries.users import Outcome, UserRecord, outcome_of, user_record_of
from services.runtime.postgres.batch_loader import RowLoader
from services.runtime.rejection import Rejected, Rejection


class UserStore:
    """Reads users, and the connections that they belong to."""

    def __init__(
        self,
        to_edit: RowLoader,
        by_subject: RowLoader,
        connections: RowLoader,
        keyring: Keyring,
        locks: UserLocks,
    ) -> None:
        self._to_edit, self._by_subject, self._connections = to_edit, by_subject, connections
        self._keyring, self._locks = keyring, locks

    async def find(self, tenant: str, user_id: str) -> UserRecord | None:
        """Return the user with this id, or None if it does not exist or was deleted. Raises Transient."""
        row = await self._to_edit.row(tenant, user_id)
        return None if row is None else user_record_of(row, self._keyring, tenant)

    async def get(self, tenant: str, user_id: str, absent: Rejection = NO_SUCH_USER) -> UserRecord:
        """Return the user with this id. Raises Rejected (`absent`), or Transient."""
        found = await self.find(tenant, user_id)
        if found is None:
            raise Rejected(absent)
        return found

    async def outcome(self, tenant: str, subject: str, command_id: str) -> Outcome:
        """Return the state of a user after a command that the view has applied. Raises Transient."""
        return outcome_of(await self._by_subject.row(tenant, subject), command_id)

    async def connection(self, tenant: str, name: str) -> ConnectionState | None:
        """Return the connection of this name, or None if it does not exist or was deleted."""
        row = await self._connections.row(tenant, name)
        return None if row is None else connection_of(row)

    async def connection_and_pictures(
        self, tenant: str, name: str, own_issuer: str
    ) -> tuple[ConnectionState | None, Pictures]:
        """Return the connection of this name, if there is one, and the tenant's default pictures."""
        row = await self._connections.row(tenant, name)
        if row is None:
            return None, pictures_of(None, own_issuer)
        return connection_of(row), pictures_of(row["default_picture"], own_issuer)

    def lock(self, tenant: str, user_id: str) -> AbstractAsyncContextManager[None]:
        """Return the lock of a user."""
        return self._locks.of(tenant, user_id)


class UserAggregate(Aggregate[UserRecord, Outcome]):
    """A user. `absent` rejects commands to an unknown user; `ineffective` rejects an unconditional command
    that the fold dropped, because the state that it was decided on has changed.

    `known` is a state that was read already, on which the first attempt decides.
    """

    busy = USER_BUSY
    gone = NO_SUCH_USER
    always_conditional = False

    def __init__(
        self,
        store: UserStore,
        tenant: str,
        user_id: str,
        *,
        absent: Rejection = NO_SUCH_USER,
        ineffective: Rejection = NO_SUCH_USER,
        known: UserRecord | None = None,
    ) -> None:
        self._store, self._tenant, self._user_id = store, tenant, user_id
        self._absent, self._ineffective, self._known = absent, ineffective, known

    async def read(self) -> UserRecord:
        """Return the user. Raises Rejected."""
        known, self._known = self._known, None
        return known or await self._store.get(self._tenant, self._user_id, self._absent)

    def revision(self, state: UserRecord) -> int:
        """Return the user's revision."""
        return state.revision

    async def owner(self, state: UserRecord) -> Owner:
        """Return the user's own subject and keys."""
        return Owner(state.subject, state.keys)

    async def outcome(self, state: UserRecord, events: Sequence[Event], conditional: bool) -> Outcome:
        """Return what the view shows. Raises Conflict, and Rejected if the user was deleted meanwhile."""
        found = await self._store.outcome(self._tenant, state.subject, str(events[0].causationid))
        if not found.rejected:
            return found
        if found.text is None:
            raise Rejected(NO_SUCH_USER)
        if conditional:
            raise Conflict
        raise Rejected(self._ineffective)

    def bearer(self, state: UserRecord, wanted: Sequence[Reservation]) -> Bearer:
        """Return the owner of an identity's values: a linked identity's values belong to its own subject."""
        identity = state.document["identities"][place_of(state.document, wanted[0].connection) or 0]
        return Bearer(owner_of(state.profile, identity, state.subject), TAKEN.__getitem__)

    def exclusive(self, guarded: bool) -> AbstractAsyncContextManager[None]:
        """Return the user's lock for a command with a condition."""
        if guarded or self.always_conditional:
            return self._store.lock(self._tenant, self._user_id)
        return super().exclusive(guarded)


class UserRevisionAggregate(UserAggregate):
    """A user whose commands take effect only on the revision that they were decided on."""

    always_conditional = True
