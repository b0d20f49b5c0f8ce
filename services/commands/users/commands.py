"""Commands to users: create, edit, delete, and any change of one user."""

from collections.abc import Sequence
from dataclasses import dataclass

from projections.connection.fold import ConnectionState
from projections.normalization.defaults import Pictures
from projections.profile.changes.links import links_of
from projections.profile.state import NO_PROFILE
from schemas.events import Event, UserDeleted, UserDeletedData
from services.commands.conflict_retry import Conflict, retry_on_conflict
from services.commands.context import Command, CommandContext, begin_command
from services.commands.decision import Acceptance, Decision, Draft
from services.commands.execute import Absent, Decide, Executed, Executor
from services.commands.links.decide import IDENTITIES_BUSY, Steps, linked_subjects
from services.commands.links.decide import delete as decide_deletion
from services.commands.links.saga import Participants, SagaPlan, Sagas
from services.commands.user_rejections import NO_SUCH_USER, NOT_THEIRS, USER_EXISTS
from services.commands.users.check_profile_size import check_profile_size
from services.commands.users.create import NO_CONNECTION, create_rejection, decide_create
from services.commands.users.edit import decide_edit, target_connection
from services.commands.users.edit_rules import OF_A_CONNECTION, edit_rejection
from services.commands.users.inputs import NewUser, UserEdit
from services.commands.users.registration import Registered, Registrar, candidate_ids
from services.commands.users.store import UserAggregate, UserRevisionAggregate, UserStore
from services.commands.writer import Written
from services.ledger.reservations import Taken
from services.queries.users import Outcome, UserRecord
from services.runtime.auth.passwords import Hasher
from services.runtime.rejection import Rejected, Rejection


@dataclass(frozen=True, slots=True)
class UserRules:
    """The installation's rules for users: the maximum size of a profile, and the URL under which default
    pictures are served."""

    profile_limit_bytes: int
    own_address: str


@dataclass(frozen=True, slots=True)
class CreatedUser:
    """A created user. `shown` is None if the view does not show it yet."""

    user_id: str
    command: Command
    written: Written
    shown: Outcome | None = None


class UserCommands:
    """Commands to one user each."""

    def __init__(
        self,
        executor: Executor,
        store: UserStore,
        registrar: Registrar,
        sagas: Sagas,
        passwords: Hasher,
        rules: UserRules,
    ) -> None:
        self._executor, self.store, self._registrar = executor, store, registrar
        self._sagas, self._passwords, self._rules = sagas, passwords, rules

    async def create(self, context: CommandContext, user: NewUser) -> CreatedUser:
        """Create a user of a database or passwordless connection. Raises Rejected, or Transient."""
        context.status.may_have_written = True
        own = self._rules.own_address
        connection, pictures = await self.store.connection_and_pictures(context.tenant, user.connection, own)
        rejection = create_rejection(connection, user)
        if rejection is not None or connection is None:
            raise Rejected(rejection or NO_CONNECTION)
        password_hash = await self._hashed(context, user.password)
        user_id, command, registered = await self._register(
            context, connection, user, password_hash, pictures
        )
        written = await self._executor.append(context, registered.events, registered.keys, USER_EXISTS)
        if not written.visible:
            return CreatedUser(user_id, command, written)
        shown = await self.store.outcome(context.tenant, registered.subject, command.id)
        if shown.rejected or shown.text is None:
            raise Rejected(USER_EXISTS)
        return CreatedUser(user_id, command, written, shown)

    async def edit(
        self, context: CommandContext, user_id: str, edit: UserEdit
    ) -> Executed[UserRecord, Outcome]:
        """Change the attributes in the edit. Raises Rejected, or Transient."""

        async def decide(person: UserRecord) -> Decision:
            connection = await self._connection_of(context.tenant, person, edit)
            rejection = edit_rejection(person.document, connection, edit)
            if rejection is not None:
                return rejection
            password_hash = await self._hashed(context, edit.get("password"))
            accepted = decide_edit(person.document, connection, edit, password_hash)
            return check_profile_size(context, person.profile, accepted, self._rules.profile_limit_bytes)

        user = UserAggregate(self.store, context.tenant, user_id, ineffective=NOT_THEIRS)
        executed = await self._executor.execute(context, user, decide)
        if executed.shown is not None and executed.shown.text is None:
            raise Rejected(NO_SUCH_USER)
        return executed

    async def delete(self, context: CommandContext, user_id: str) -> Written | None:
        """Delete a user, with all linked identities or not at all. Return None if there is no such user.

        Raises Rejected, or Transient.
        """
        try:
            user = _UserDeletion(self.store, context.tenant, user_id)
            executed = await self._executor.execute_if_present(context, user, _decide_unlinked_deletion)
            return None if executed is None else executed.written
        except _HasLinks as linked:
            return await self._delete_linked(context, linked.subject)

    async def change(
        self,
        context: CommandContext,
        user_id: str,
        decide: Decide[UserRecord],
        *,
        absent: Rejection = NO_SUCH_USER,
        ineffective: Rejection = NO_SUCH_USER,
        known: UserRecord | None = None,
    ) -> Executed[UserRecord, Outcome]:
        """Execute any other command to a user.

        `absent` rejects an unknown user, `ineffective` a command that the fold drops although its caller
        expects no revision. `known` is the user if it was read already. Raises Rejected, or Transient.
        """
        user = UserAggregate(
            self.store, context.tenant, user_id, absent=absent, ineffective=ineffective, known=known
        )
        return await self._executor.execute(context, user, decide)

    async def change_revision(
        self,
        context: CommandContext,
        user_id: str,
        decide: Decide[UserRecord],
        *,
        absent: Rejection = NO_SUCH_USER,
    ) -> Executed[UserRecord, Outcome]:
        """Execute a command that takes effect only on the revision that it was decided on. Raises Rejected,
        or Transient."""
        user = UserRevisionAggregate(self.store, context.tenant, user_id, absent=absent)
        return await self._executor.execute(context, user, decide)

    async def record(
        self, context: CommandContext, user_id: str, draft: Draft, absent: Rejection = NO_SUCH_USER
    ) -> Written:
        """Append one event about a user in any state. Raises Rejected, or Transient."""
        executed = await self.change(context, user_id, lambda _: Acceptance((draft,)), absent=absent)
        assert executed.written is not None  # there was an event to write
        return executed.written

    async def _delete_linked(self, context: CommandContext, subject: str) -> Written | None:
        async def attempt() -> Written | None:
            participant = (await self._sagas.read(context.tenant, [subject])).get(subject)
            if participant is None or participant.profile.document is None:
                return None
            linked = linked_subjects(participant.profile)

            def decide(participants: Participants) -> Steps:
                if subject not in participants or linked_subjects(participants[subject].profile) != linked:
                    raise Conflict
                return decide_deletion(participants[subject], participants)

            plan = SagaPlan("delete", [subject, *linked], subject, decide, IDENTITIES_BUSY)
            result = await self._sagas.execute(context, plan)
            return Written(result.position, visible=result.took_effect is not None)

        return await retry_on_conflict(attempt, IDENTITIES_BUSY)

    async def _register(
        self,
        context: CommandContext,
        connection: ConnectionState,
        user: NewUser,
        password_hash: str | None,
        pictures: Pictures,
    ) -> tuple[str, Command, Registered]:
        """Register the user under the first free id. Raises Rejected."""
        for idp_id in candidate_ids(connection, user):
            created = decide_create(connection, user, password_hash, idp_id, pictures)
            accepted = check_profile_size(context, NO_PROFILE, created, self._rules.profile_limit_bytes)
            if isinstance(accepted, Rejection):
                raise Rejected(accepted)
            command = begin_command(context, accepted.profile_bytes)
            try:
                registered = await self._registrar.register(command, connection, idp_id, accepted)
            except Taken:
                raise Rejected(USER_EXISTS) from None
            if registered is not None:
                return f"{connection.strategy}|{idp_id}", command, registered
        raise Rejected(USER_EXISTS)

    async def _connection_of(self, tenant: str, person: UserRecord, edit: UserEdit) -> ConnectionState | None:
        """Return the connection that the edit is about; it is read only if the edit needs it."""
        if edit.connection is None and not any(edit.given(name) for name in OF_A_CONNECTION):
            return None
        return await self.store.connection(tenant, target_connection(person.document, edit))

    async def _hashed(self, context: CommandContext, password: str | None) -> str | None:
        return None if password is None else await self._passwords.hash(context.tenant, password)


class _HasLinks(Exception):
    """The user to delete has linked identities."""

    def __init__(self, subject: str) -> None:
        super().__init__(subject)
        self.subject = subject


class _UserDeletion(UserAggregate):
    """A user to be deleted."""

    async def read(self) -> UserRecord:
        person = await self._store.find(self._tenant, self._user_id)
        if person is None:
            raise Absent
        return person

    async def outcome(self, state: UserRecord, events: Sequence[Event], conditional: bool) -> Outcome:
        found = await self._store.outcome(self._tenant, state.subject, str(events[0].causationid))
        if not found.rejected or found.text is None:
            return found
        if conditional:
            raise Conflict
        raise _HasLinks(state.subject)


def _decide_unlinked_deletion(person: UserRecord) -> Acceptance:
    if links_of(person.profile):
        raise _HasLinks(person.subject)
    return Acceptance((Draft(UserDeleted, UserDeletedData()),))
