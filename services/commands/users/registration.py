"""A new person: its place in the directory, its keys and its claims, in one transaction before the event."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from projections.connection.fold import Connection
from projections.normalization.identity import derived_id
from projections.profile.changes.links import merged_into
from projections.profile.state import Profile
from schemas.events import Event
from schemas.formats import exact_json
from schemas.formats.identifiers import new_subject
from schemas.sealing.keys import Keyring, SubjectKeys, generate_subject_keys
from services.commands.context import Command, to_events
from services.commands.outcome import Accepted
from services.commands.users.sources import kind_of
from services.ledger import directory, reservations
from services.ledger.directory import NewIdentity
from services.ledger.reservations import Reservation
from services.management.users.models import CreateUser
from services.runtime.postgres.batch_loader import Together
from services.runtime.postgres.tenant_pool import TenantPool


@dataclass(frozen=True, slots=True)
class Registered:
    """Ready to be written."""

    subject: str
    keys: SubjectKeys
    events: tuple[Event, ...]


def candidate_ids(connection: Connection, body: CreateUser) -> Iterator[str]:
    """Ids to try in turn: the caller's own; the one logins of a passwordless address have; a random one."""
    if body.user_id:
        yield body.user_id
        return
    kind = kind_of(connection)
    address = body.email if kind == "email" else body.phone_number if kind == "sms" else None
    if address is not None:
        yield derived_id(connection.name, address)
    yield secrets.token_hex(12)


@dataclass(frozen=True, slots=True, eq=False)
class Newcomer:
    """Somebody who may be new."""

    identity: NewIdentity
    claims: tuple[Reservation, ...]
    event_ids: tuple[str, ...]


class Newcomers:
    """People who are new and have nothing in their way: those of one moment are registered together."""

    def __init__(self, database: TenantPool, keyring: Keyring) -> None:
        self._database, self._keyring = database, keyring
        self._together: Together[Newcomer, bool] = Together(self._register)

    async def register(
        self, command: Command, connection: Connection, idp_id: str, accepted: Accepted
    ) -> Registered | None:
        """None for anybody else, of whom nothing is kept then. Raises Transient."""
        subject, keys = new_subject(command.now), generate_subject_keys()
        wrapped = self._keyring.wrap(command.tenant, subject, keys)
        events = to_events(command, subject, accepted.drafts)
        identity = NewIdentity(connection.name, connection.strategy, idp_id, subject, wrapped)
        newcomer = Newcomer(identity, accepted.claims, tuple(event.id for event in events))
        done = await self._together.answer(command.tenant, newcomer)
        return Registered(subject, keys, events) if done else None

    async def _register(self, tenant: str, newcomers: Sequence[Newcomer]) -> Mapping[Newcomer, bool]:
        """All in one statement; each by itself where that is refused, for one would be in the way of all."""
        async with self._database.connection(tenant) as connection:
            if await _registered(connection, tenant, newcomers):
                return dict.fromkeys(newcomers, True)
            if len(newcomers) == 1:
                return {}
            return {one: await _registered(connection, tenant, (one,)) for one in newcomers}


async def _registered(connection: asyncpg.Connection, tenant: str, newcomers: Sequence[Newcomer]) -> bool:
    wanted = [
        (claim, one.event_ids[claim.draft], one.identity.subject) for one in newcomers for claim in one.claims
    ]
    return await directory.register_and_reserve(
        connection, tenant, [one.identity for one in newcomers], wanted
    )


async def register(
    connection: asyncpg.Connection,
    keyring: Keyring,
    command: Command,
    source: Connection,
    idp_id: str,
    accepted: Accepted,
) -> Registered | None:
    """None when the identity belongs to somebody who lives, or to another connection.

    Raises claims.Taken, then nothing is kept.
    """
    async with connection.transaction():
        found = await _subject(connection, keyring, command, source, idp_id)
        if found is None:
            return None
        subject, keys = found
        events = to_events(command, subject, accepted.drafts)
        event_ids = [event.id for event in events]
        await reservations.reserve(connection, command.tenant, subject, accepted.claims, event_ids)
    return Registered(subject, keys, events)


async def _subject(
    connection: asyncpg.Connection, keyring: Keyring, command: Command, source: Connection, idp_id: str
) -> tuple[str, SubjectKeys] | None:
    """A fresh subject, or the one of a deleted person with this identity."""
    tenant, subject, keys = command.tenant, new_subject(command.now), generate_subject_keys()
    wrapped = keyring.wrap(tenant, subject, keys)
    new = NewIdentity(source.name, source.strategy, idp_id, subject, wrapped)
    if await directory.register(connection, tenant, new):
        return subject, keys
    known = await directory.find_registered(connection, tenant, source.strategy, idp_id)
    if known is None or known.has_profile or known.wrapped.profile is None or _is_linked(known.holdings):
        return None
    if known.connection not in (None, source.name):
        return None
    return known.subject, keyring.open(tenant, known.subject, known.wrapped)


def _is_linked(held: str | None) -> bool:
    """Whether the identity is shown by somebody else's profile."""
    return held is not None and merged_into(Profile(holdings=exact_json.loads(held))) is not None
