"""Users, as the views have them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import asyncpg

from projections.profile.sealed import opened
from projections.profile.state import Profile
from projections.row import Row
from schemas.formats import exact_json
from schemas.sealing.keys import Keyring, SubjectKeys
from services.ledger.keys.subject_keys import wrapped_keys
from services.runtime.postgres.batch_loader import RowLoader
from services.runtime.postgres.lookup import find_row
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection
from services.runtime.postgres.tenant_pool import TenantPool


@dataclass(frozen=True)
class UserRecord:
    """A user's row, read to decide about a change. Its texts are parsed once, when they are first needed."""

    subject: str
    revision: int
    text: str
    keys: SubjectKeys
    associations_text: str | None = None

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """The user as the API shows it."""
        found: Mapping[str, Any] = exact_json.loads(self.text)
        return found

    @cached_property
    def associations(self) -> Mapping[str, Any]:
        """What the user has that the document does not show."""
        text = self.associations_text
        found: Mapping[str, Any] = {} if text is None else exact_json.loads(text)
        return found

    @cached_property
    def profile(self) -> Profile:
        """The state to fold events on, which shows what they would change."""
        return Profile(self.revision, self.document, associations=self.associations)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the view shows after a command; `text` is None for a deleted user."""

    revision: int
    text: str | None
    rejected: bool


def users_by_id(database: TenantPool) -> RowLoader:
    """Return the loader of users by user_id: `revision`, `document`."""
    return RowLoader(database, _query("users_by_id"))


def users_by_subject(database: TenantPool) -> RowLoader:
    """Return the loader of users by subject, for `outcome_of`: `revision`, `document` (None for a deleted
    user), `memory`."""
    return RowLoader(database, _query("users_by_subject"))


async def find_subject(connection: DatabaseConnection, tenant: str, user_id: str) -> str | None:
    """Return the subject of a user, None if the user does not exist or was deleted."""
    row = await find_row(connection, _query("find_subject"), tenant, user_id)
    return None if row is None else row["subject"]


async def find_user_id_by_email(
    connection: DatabaseConnection, tenant: str, connection_name: str, email: str
) -> str | None:
    """Return the user_id of the user whose root identity belongs to this connection and has this e-mail
    address, given in lower case; None if there is none."""
    query = _query("find_user_id_by_email")
    user_id: str | None = await connection.fetchval(query, tenant, connection_name, email)
    return user_id


def user_record_of(row: Row, keyring: Keyring, tenant: str) -> UserRecord:
    """Return the record of a user from its row."""
    keys = keyring.open(tenant, row["subject"], wrapped_keys(row))
    return UserRecord(row["subject"], row["revision"], row["document"], keys, row["associations"])


def tokens_of(row: Row, keyring: Keyring, tenant: str) -> Mapping[str, Any]:
    """Return the identity providers' tokens of a user by identity, from a row with secrets and keys; none
    once the keys are destroyed."""
    if row["secrets"] is None or row["version"] is None:
        return {}
    keys = keyring.open(tenant, row["subject"], wrapped_keys(row))
    found: Mapping[str, Any] = opened(row["secrets"], (tenant, row["subject"]), keys).get("tokens", {})
    return found


async def find_associations(
    connection: DatabaseConnection, tenant: str, user_id: str
) -> Mapping[str, Any] | None:
    """Return what a user has that the document does not show, None if the user does not exist or was
    deleted."""
    row = await find_row(connection, _query("find_associations"), tenant, user_id)
    if row is None:
        return None
    found: Mapping[str, Any] = {} if row["associations"] is None else exact_json.loads(row["associations"])
    return found


def outcome_of(row: asyncpg.Record | None, command_id: str) -> Outcome:
    """Return the outcome of a command that the view has processed, from the row of its user."""
    if row is None:
        return Outcome(0, None, True)
    rejected = command_id in row["memory"] and command_id in exact_json.loads(row["memory"]).get(
        "refused", ()
    )
    return Outcome(row["revision"], row["document"], rejected)


def _query(name: str) -> str:
    return load("services.queries", "users.sql")[name]
