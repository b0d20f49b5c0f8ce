"""Identity -> subject, with the subject's keys: one round trip per batch, a few more when new people
arrive."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from schemas.formats.identifiers import new_subject
from schemas.formats.spelling import identifier_key
from schemas.sealing.keys import Keyring, SubjectKeys, generate_subject_keys
from services.ledger.keys.subject_keys import wrapped_keys
from services.runtime.postgres.named_queries import load

Identity = tuple[str, str, str]
"""(tenant, provider, id at the provider)"""
Named = tuple[str, str, str]
"""(tenant, connection, identifier as typed)"""


@dataclass(frozen=True, slots=True)
class Subject:
    """An opaque person and the keys their events are sealed with."""

    id: str
    keys: SubjectKeys
    connection: str | None = None
    """The connection that first brought the identity; None where that is not known."""


class Directory:
    """The ledger's directory over one connection."""

    def __init__(self, connection: asyncpg.Connection, keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring
        self._queries = load("services.normalizer")

    async def find(self, identities: Collection[Identity]) -> dict[Identity, Subject]:
        """The subjects of the identities that are known."""
        if not identities:
            return {}
        rows = await self._connection.fetch(self._queries["resolve"], *_columns(identities))
        return {(row["tenant"], row["provider"], row["idp_id"]): self._subject(row) for row in rows}

    async def find_or_add(self, identities: Mapping[Identity, str]) -> Mapping[Identity, Subject]:
        """The subjects of all the identities, given with the connection each came through; new ones get a
        fresh subject with fresh keys, and belong to that connection."""
        found = await self.find(identities)
        missing = sorted(set(identities) - set(found))
        if missing:
            await self._add({identity: identities[identity] for identity in missing})
            found |= await self.find(missing)
        return found

    async def find_named(self, names: Collection[Named]) -> dict[Named, Subject]:
        """The people who sign in to a connection with these identifiers, case aside."""
        if not names:
            return {}
        folded = {
            (tenant, connection, identifier_key(identifier)): identifier
            for tenant, connection, identifier in names
        }
        rows = await self._connection.fetch(self._queries["named"], *_columns(folded))
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
            self._queries["register"], *_columns(identities), subjects,
            [keys.profile for keys in wrapped], [keys.activity for keys in wrapped],
            list(identities.values()),
        )  # fmt: skip

    def _subject(self, row: asyncpg.Record) -> Subject:
        keys = self._keyring.open(row["tenant"], row["subject"], wrapped_keys(row))
        return Subject(row["subject"], keys, row["connection"])


def _columns(keys: Collection[tuple[str, str, str]]) -> list[list[str]]:
    return [[key[index] for key in keys] for index in range(3)]
