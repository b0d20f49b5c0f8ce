"""A new person: its place in the directory, its keys and its claims, in one transaction before the event."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg

from projections.connection.fold import Connection
from projections.normalization.identity import derived_id
from projections.profile.changes.links import merged_into
from projections.profile.state import Profile
from schemas.events import Event
from schemas.formats import exact_json
from schemas.formats.identifiers import new_subject
from schemas.sealing.keys import Keyring, SubjectKeys, WrappedKeys, generate_subject_keys
from services.commands.context import Command, to_events
from services.commands.outcome import Accepted, Claim
from services.commands.users.sources import kind_of
from services.ledger import reservations
from services.ledger.keys.subject_keys import wrapped_keys
from services.management.users.models import CreateUser
from services.runtime.postgres.batch_loader import Together
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.tenant_pool import TenantPool

IN_THE_WAY: Final = "VT002"
"""What the ledger says when a person cannot be registered as somebody new."""


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

    connection: str
    provider: str
    idp_id: str
    subject: str
    wrapped: WrappedKeys
    claims: tuple[Claim, ...]
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
        newcomer = Newcomer(
            connection.name, connection.strategy, idp_id, subject, wrapped, accepted.claims,
            tuple(event.id for event in events),
        )  # fmt: skip
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
    people = sorted(newcomers, key=lambda one: (one.provider, one.idp_id))
    wanted = sorted(
        (claim.connection, claim.kind, claim.value, UUID(one.event_ids[claim.draft]), one.subject)
        for one in people
        for claim in one.claims
    )  # all who register keep these orders, so that none waits for one who waits for it
    rows = [
        (one.provider, one.idp_id, one.subject, one.wrapped.profile, one.wrapped.activity) for one in people
    ]
    query = load("services.management")["register_and_claim"]
    try:
        brought = [one.connection for one in people]
        await connection.execute(query, tenant, *_columns(rows, 5), *_columns(wanted, 5), brought)
    except asyncpg.PostgresError as error:
        if error.sqlstate != IN_THE_WAY:
            raise
        return False
    return True


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [[row[place] for row in rows] for place in range(width)]


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
        await reservations.make(connection, command.tenant, subject, accepted.claims, event_ids)
    return Registered(subject, keys, events)


async def _subject(
    connection: asyncpg.Connection, keyring: Keyring, command: Command, source: Connection, idp_id: str
) -> tuple[str, SubjectKeys] | None:
    """A fresh subject, or the one of a deleted person with this identity."""
    queries, tenant = load("services.management"), command.tenant
    subject, keys = new_subject(command.now), generate_subject_keys()
    wrapped = keyring.wrap(tenant, subject, keys)
    added = await connection.fetchval(
        queries["register"], tenant, source.strategy, idp_id, subject, wrapped.profile, wrapped.activity,
        source.name,
    )  # fmt: skip
    if added is not None:
        return subject, keys
    row = await connection.fetchrow(queries["registered"], tenant, source.strategy, idp_id)
    if row is None or row["lives"] or row["profile"] is None or _is_linked(row["holdings"]):
        return None
    if row["connection"] not in (None, source.name):
        return None
    return row["subject"], keyring.open(tenant, row["subject"], wrapped_keys(row))


def _is_linked(held: str | None) -> bool:
    """Whether the identity is shown by somebody else's profile."""
    return held is not None and merged_into(Profile(holdings=exact_json.loads(held))) is not None
