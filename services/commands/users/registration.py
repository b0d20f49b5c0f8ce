"""Registers a new user in the directory, with keys and reservations, in one transaction before the event."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from projections.connection.fold import ConnectionState
from projections.normalization.identity import derived_id
from projections.profile.changes.links import merged_into
from projections.profile.state import Profile
from schemas.events import Event
from schemas.formats import exact_json
from schemas.formats.identifiers import new_subject
from schemas.sealing.keys import Keyring, SubjectKeys, generate_subject_keys
from services.commands.context import Command, to_events
from services.commands.decision import Acceptance
from services.commands.reconciler import Reconciler
from services.commands.users.inputs import NewUser
from services.commands.users.sources import kind_of
from services.ledger import directory, reservations
from services.ledger.directory import NewIdentity
from services.ledger.reservations import Reservation, Taken
from services.runtime.postgres.batch_loader import BatchLoader
from services.runtime.postgres.pool import DatabaseConnection
from services.runtime.postgres.tenant_pool import TenantPool


@dataclass(frozen=True, slots=True)
class Registered:
    """A user who is in the directory, with the events that create the profile."""

    subject: str
    keys: SubjectKeys
    events: tuple[Event, ...]


def candidate_ids(connection: ConnectionState, user: NewUser) -> Iterator[str]:
    """Yield ids to try in turn: the given one; the one that logins of a passwordless address have; a random
    one."""
    if user.user_id:
        yield user.user_id
        return
    kind = kind_of(connection)
    address = user.email if kind == "email" else user.phone_number if kind == "sms" else None
    if address is not None:
        yield derived_id(connection.name, address)
    yield secrets.token_hex(12)


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """A user who is new unless an identity or a reserved value exists already."""

    identity: NewIdentity
    reservations: tuple[Reservation, ...]
    event_ids: tuple[str, ...]


class RegistrationBatcher:
    """Registers new users; concurrent registrations share one statement."""

    def __init__(self, database: TenantPool) -> None:
        self._database = database
        self._together: BatchLoader[Registration, bool] = BatchLoader(self._register)

    async def register(self, tenant: str, registration: Registration) -> bool:
        """Register the user. Return False, and store nothing, if the user is not new. Raises Transient."""
        return await self._together.answer(tenant, registration) is True

    async def _register(
        self, tenant: str, registrations: Sequence[Registration]
    ) -> Mapping[Registration, bool]:
        """Register all in one statement; if it fails, each separately, because one conflict would reject
        all."""
        async with self._database.connection(tenant) as connection:
            if await _registered(connection, tenant, registrations):
                return dict.fromkeys(registrations, True)
            if len(registrations) == 1:
                return {}
            return {one: await _registered(connection, tenant, (one,)) for one in registrations}


async def _registered(
    connection: DatabaseConnection, tenant: str, registrations: Sequence[Registration]
) -> bool:
    wanted = [
        (value, one.event_ids[value.draft], one.identity.subject)
        for one in registrations
        for value in one.reservations
    ]
    identities = [one.identity for one in registrations]
    return await directory.register_and_reserve(connection, tenant, identities, wanted)


class Registrar:
    """Registers users with their directory entries, keys and reservations."""

    def __init__(self, database: TenantPool, keyring: Keyring, reconciler: Reconciler) -> None:
        self._database, self._keyring, self._reconciler = database, keyring, reconciler
        self._batcher = RegistrationBatcher(database)

    async def register(
        self, command: Command, source: ConnectionState, idp_id: str, accepted: Acceptance
    ) -> Registered | None:
        """Return None if the identity belongs to a user, or to another connection.

        A conflicting value is tried once more if its reservation could be released. Raises Taken, and stores
        nothing then. Raises Transient.
        """
        try:
            return await self._register(command, source, idp_id, accepted)
        except Taken:
            if not await self._reconciler.settle(command.tenant, accepted.reservations):
                raise
            return await self._register(command, source, idp_id, accepted)

    async def _register(
        self, command: Command, source: ConnectionState, idp_id: str, accepted: Acceptance
    ) -> Registered | None:
        """Register the user in the common case that it is new; look up the reason otherwise."""
        tenant, subject, keys = command.tenant, new_subject(command.now), generate_subject_keys()
        wrapped = self._keyring.wrap(tenant, subject, keys)
        identity = NewIdentity(source.name, source.strategy, idp_id, subject, wrapped)
        events = to_events(command, subject, accepted.drafts)
        event_ids = tuple(event.id for event in events)
        if await self._batcher.register(tenant, Registration(identity, accepted.reservations, event_ids)):
            return Registered(subject, keys, events)
        async with self._database.connection(tenant) as connection, connection.transaction():
            found = await self._subject(connection, tenant, identity, keys)
            if found is None:
                return None
            subject, keys = found
            events = to_events(command, subject, accepted.drafts)
            event_ids = tuple(event.id for event in events)
            await reservations.reserve(connection, tenant, subject, accepted.reservations, event_ids)
        return Registered(subject, keys, events)

    async def _subject(
        self, connection: DatabaseConnection, tenant: str, new: NewIdentity, keys: SubjectKeys
    ) -> tuple[str, SubjectKeys] | None:
        """Return the fresh subject, or the subject of a deleted user with this identity."""
        if await directory.register(connection, tenant, new):
            return new.subject, keys
        known = await directory.find_registered(connection, tenant, new.provider, new.idp_id)
        if (
            known is None
            or known.has_profile
            or known.wrapped.profile is None
            or _is_linked(known.associations)
        ):
            return None
        if known.connection not in (None, new.connection):
            return None
        return known.subject, self._keyring.open(tenant, known.subject, known.wrapped)


def _is_linked(associations: str | None) -> bool:
    """Whether another user's profile has the identity."""
    if associations is None:
        return False
    return merged_into(Profile(associations=exact_json.loads(associations))) is not None
