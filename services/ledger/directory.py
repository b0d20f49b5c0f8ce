"""The directory: which opaque subject an identity of a tenant has, with the subject's keys.

The pointer of an identity never moves: a linked identity keeps its own subject.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from schemas.formats.identifiers import new_subject
from schemas.formats.spelling import identifier_key
from schemas.sealing.keys import Keyring, SubjectKeys, WrappedKeys, generate_subject_keys
from services.ledger.keys.subject_keys import wrapped_keys
from services.ledger.reservations import Reservation
from services.runtime.postgres.lookup import find_row
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection

Identity = tuple[str, str, str]
"""(tenant, provider, id at the provider)"""
SignInName = tuple[str, str, str]
"""(tenant, connection, identifier as typed)"""
LoginCheckKey = tuple[str | None, str | None, str | None, str | None, str | None]
"""(connection, folded identifier, provider, id at the provider, IP address); None for what is not known."""
NOT_NEW: Final = "VT002"
"""The SQLSTATE of a registration of which an identity or a reserved value is known already."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An opaque person and the keys their events are sealed with."""

    id: str
    keys: SubjectKeys
    connection: str | None = None
    """The connection that first brought the identity; None where that is not known."""


@dataclass(frozen=True, slots=True)
class NewIdentity:
    """An identity to be registered, with its fresh subject and the subject's keys."""

    connection: str
    provider: str
    idp_id: str
    subject: str
    wrapped: WrappedKeys


@dataclass(frozen=True, slots=True)
class RegisteredIdentity:
    """An identity in the directory. `has_profile` is False once the person was deleted; `connection` is None
    where it is not known which one first brought the identity."""

    subject: str
    connection: str | None
    has_profile: bool
    associations: str | None
    wrapped: WrappedKeys


class Directory:
    """Resolves identities of all tenants over one connection: one round trip per batch, a few more when new
    people arrive."""

    def __init__(self, connection: DatabaseConnection, keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def find(self, identities: Collection[Identity]) -> dict[Identity, Subject]:
        """Return the subjects of the identities that are known."""
        if not identities:
            return {}
        rows = await self._connection.fetch(_query("resolve"), *_columns(identities, 3))
        return {(row["tenant"], row["provider"], row["idp_id"]): self._subject(row) for row in rows}

    async def find_or_add(self, identities: Mapping[Identity, str]) -> Mapping[Identity, Subject]:
        """Return the subjects of all these identities, given with the connection each came through. New ones
        get a fresh subject with fresh keys and belong to that connection; of two processes that add the same
        one at once, both return the subject of the first."""
        found = await self.find(identities)
        missing = sorted(set(identities) - set(found))
        if missing:
            await self._add({identity: identities[identity] for identity in missing})
            found |= await self.find(missing)
        return found

    async def find_by_sign_in_name(self, names: Collection[SignInName]) -> dict[SignInName, Subject]:
        """Return the people who sign in to a connection with these identifiers, compared without case."""
        if not names:
            return {}
        folded = {
            (tenant, connection, identifier_key(identifier)): identifier
            for tenant, connection, identifier in names
        }
        rows = await self._connection.fetch(_query("resolve_sign_in_names"), *_columns(folded, 3))
        people = {(row["tenant"], row["connection"], row["identifier"]): self._subject(row) for row in rows}
        return {
            name: people[key]
            for name in names
            if (key := (name[0], name[1], identifier_key(name[2]))) in people
        }

    async def _add(self, identities: Mapping[Identity, str]) -> None:
        now = datetime.now(UTC)
        subjects = [new_subject(now) for _ in identities]
        wrapped = [
            self._keyring.wrap(identity[0], subject, generate_subject_keys())
            for identity, subject in zip(identities, subjects, strict=True)
        ]
        await self._connection.execute(
            _query("register_missing"), *_columns(identities, 3), subjects,
            [keys.profile for keys in wrapped], [keys.activity for keys in wrapped],
            list(identities.values()),
        )  # fmt: skip

    def _subject(self, row: asyncpg.Record) -> Subject:
        keys = self._keyring.open(row["tenant"], row["subject"], wrapped_keys(row))
        return Subject(row["subject"], keys, row["connection"])


async def register(connection: DatabaseConnection, tenant: str, new: NewIdentity) -> bool:
    """Add an identity with its subject and keys. Return False, and add nothing, if it has a subject
    already."""
    added = await connection.fetchval(
        _query("register"), tenant, new.provider, new.idp_id, new.subject, new.wrapped.profile,
        new.wrapped.activity, new.connection,
    )  # fmt: skip
    return added is not None


async def register_and_reserve(
    connection: DatabaseConnection,
    tenant: str,
    identities: Sequence[NewIdentity],
    reservations: Sequence[tuple[Reservation, str, str]],
) -> bool:
    """Add identities and reserve values for them, (reservation, event id, subject) each, in one statement.

    Return False, and change nothing, if one of the identities is known or one of the values is taken.
    """
    # every process keeps these orders, so that no two of them wait for one another
    people = sorted(identities, key=lambda one: (one.provider, one.idp_id))
    values = sorted(
        (wanted.connection, wanted.kind, wanted.value, UUID(event_id), subject)
        for wanted, event_id, subject in reservations
    )
    rows = [
        (one.provider, one.idp_id, one.subject, one.wrapped.profile, one.wrapped.activity) for one in people
    ]
    connections = [one.connection for one in people]
    query = _query("register_and_reserve")
    try:
        await connection.execute(query, tenant, *_columns(rows, 5), *_columns(values, 5), connections)
    except asyncpg.PostgresError as error:
        if error.sqlstate != NOT_NEW:
            raise
        return False
    return True


async def find_registered(
    connection: DatabaseConnection, tenant: str, provider: str, idp_id: str
) -> RegisteredIdentity | None:
    """Return what is known of an identity, None if it is not in the directory."""
    row = await find_row(connection, _query("find_registered"), tenant, provider, idp_id)
    if row is None:
        return None
    return RegisteredIdentity(
        row["subject"], row["connection"], row["lives"], row["associations"], wrapped_keys(row)
    )


async def subject_of_identity(
    connection: DatabaseConnection, tenant: str, provider: str, idp_id: str
) -> str | None:
    """Return the subject of an identity, also of one whose user was deleted; None if it is not in the
    directory."""
    row = await find_row(connection, _query("subject_of_identity"), tenant, provider, idp_id)
    return None if row is None else row["subject"]


async def associations_of_identities(
    connection: DatabaseConnection, tenant: str, provider: str, idp_ids: Collection[str]
) -> list[str | None]:
    """Return the associations (JSON) of the own subjects of those of these identities that have a row in the
    view; None for one without associations."""
    rows = await connection.fetch(_query("associations_of_identities"), tenant, provider, list(idp_ids))
    return [row["associations"] for row in rows]


async def read_login_checks(
    connection: DatabaseConnection, tenant: str, checks: Sequence[LoginCheckKey]
) -> list[asyncpg.Record]:
    """Return a row for each check, in order: `blocked`, `failures` and `addresses` (JSON arrays or None), and
    in the first row `settings` (a JSON object or None), those of the tenant's attack protection."""
    return await connection.fetch(_query("login_checks"), tenant, *_columns(checks, 5))


def _columns(rows: Collection[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [[row[place] for row in rows] for place in range(width)]


def _query(name: str) -> str:
    return load("services.ledger", "directory.sql")[name]
