"""A new person: its place in the directory, its keys and its claims, in one transaction before the event."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import asyncpg

from projections.connection.fold import Connection
from projections.profile.links import merged_into
from projections.profile.state import Profile
from schemas import exact_json
from schemas.events import Event
from schemas.identifiers import new_subject
from schemas.keys import Keyring, SubjectKeys, generate_subject_keys
from services.management import claims
from services.management.decisions.outcome import Accepted, Command, dress
from services.management.decisions.sources import kind_of
from services.management.models.users import CreateUser
from services.normalizer.mapping.identity import derived_id
from services.runtime.key_store import wrapped_keys
from services.runtime.sql import load

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


async def register(
    connection: asyncpg.Connection,
    keyring: Keyring,
    command: Command,
    provider: str,
    idp_id: str,
    accepted: Accepted,
) -> Registered | None:
    """None when the identity belongs to somebody who lives. Raises claims.Taken, then nothing is kept."""
    fresh = await _fresh(connection, keyring, command, provider, idp_id, accepted)
    if fresh is not None:
        return fresh
    async with connection.transaction():
        found = await _subject(connection, keyring, command, provider, idp_id)
        if found is None:
            return None
        subject, keys = found
        events = dress(command, subject, accepted.drafts)
        event_ids = [event.id for event in events]
        await claims.make(connection, command.tenant, subject, accepted.claims, event_ids)
    return Registered(subject, keys, events)


async def _fresh(
    connection: asyncpg.Connection,
    keyring: Keyring,
    command: Command,
    provider: str,
    idp_id: str,
    accepted: Accepted,
) -> Registered | None:
    """Somebody new with nothing in the way, in one statement; None for everybody else, then nothing is
    kept."""
    subject, keys = new_subject(command.now), generate_subject_keys()
    wrapped = keyring.wrap(command.tenant, subject, keys)
    events = dress(command, subject, accepted.drafts)
    try:
        await connection.execute(
            load("services.management")["register_and_claim"], command.tenant, provider, idp_id, subject,
            wrapped.profile, wrapped.activity,
            *claims.columns(accepted.claims, [event.id for event in events]),
            *claims.places(accepted.claims),
        )  # fmt: skip
    except asyncpg.PostgresError as error:
        if error.sqlstate != IN_THE_WAY:
            raise
        return None
    return Registered(subject, keys, events)


async def _subject(
    connection: asyncpg.Connection, keyring: Keyring, command: Command, provider: str, idp_id: str
) -> tuple[str, SubjectKeys] | None:
    """A fresh subject, or the one of a deleted person with this identity."""
    queries, tenant = load("services.management"), command.tenant
    subject, keys = new_subject(command.now), generate_subject_keys()
    wrapped = keyring.wrap(tenant, subject, keys)
    added = await connection.fetchval(
        queries["register"], tenant, provider, idp_id, subject, wrapped.profile, wrapped.activity
    )
    if added is not None:
        return subject, keys
    row = await connection.fetchrow(queries["registered"], tenant, provider, idp_id)
    if row is None or row["lives"] or row["profile"] is None or _is_linked(row["holdings"]):
        return None
    return row["subject"], keyring.open(tenant, row["subject"], wrapped_keys(row))


def _is_linked(held: str | None) -> bool:
    """Whether the identity is shown by somebody else's profile."""
    return held is not None and merged_into(Profile(holdings=exact_json.loads(held))) is not None
