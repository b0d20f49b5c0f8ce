"""Rows of the views as the routes need them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg

from projections.connection.fold import Connection
from schemas import exact_json
from schemas.keys import Keyring, SubjectKeys
from services.runtime.key_store import wrapped_keys
from services.runtime.sql import load


@dataclass(frozen=True, slots=True)
class Person:
    """A user about to be changed."""

    subject: str
    revision: int
    text: str
    keys: SubjectKeys

    @property
    def document(self) -> Mapping[str, Any]:
        """The user as it is answered, read."""
        found: Mapping[str, Any] = exact_json.loads(self.text)
        return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the view shows after a command."""

    revision: int
    text: str | None
    refused: bool


async def person_to_edit(
    connection: asyncpg.Connection, keyring: Keyring, tenant: str, user_id: str
) -> Person | None:
    """The living user of this id with its keys."""
    row = await connection.fetchrow(load("services.management")["user_to_edit"], tenant, user_id)
    if row is None:
        return None
    keys = keyring.open(tenant, row["subject"], wrapped_keys(row))
    return Person(row["subject"], row["revision"], row["document"], keys)


async def outcome(connection: asyncpg.Connection, tenant: str, subject: str, command_id: str) -> Outcome:
    """What became of a command the view has passed."""
    row = await connection.fetchrow(load("services.management")["user_by_subject"], tenant, subject)
    if row is None:
        return Outcome(0, None, True)
    refused = command_id in exact_json.loads(row["memory"]).get("refused", ())
    return Outcome(row["revision"], row["document"], refused)


async def connection_named(connection: asyncpg.Connection, tenant: str, name: str) -> Connection | None:
    """The living connection of this name."""
    row = await connection.fetchrow(load("services.management")["connection_named"], tenant, name)
    return None if row is None else connection_of(row)


def connection_of(row: asyncpg.Record) -> Connection:
    """A connection from its row."""
    return Connection(
        row["id"],
        row["name"],
        row["strategy"],
        row["revision"],
        exact_json.loads(row["document"]),
        str(row["event_id"]),
        row["deleted"],
    )
