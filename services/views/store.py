"""The views in PostgreSQL. One statement per table reads the rows that a batch of events affects; as few
statements as the order of the log allows write them."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import asyncpg

from projections.batch.fold import Folded
from projections.batch.reservations import Reservations
from projections.batch.views import Views
from projections.fold_view import Keys, Owner
from projections.logged import Logged
from projections.login_guard.view import LOGIN_GUARD
from projections.profile.view import PROFILE
from projections.registry import EVENT_VIEWS, FOLD_VIEWS
from schemas.sealing.keys import Keyring
from services.ledger import reservations
from services.ledger.keys import users
from services.ledger.keys.subject_keys import wrapped_keys
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection
from services.views.statement_batches import Statement, side_by_side, statement


class Owners(NamedTuple):
    """The data of the owners of a batch's events (people and tenants): their keys, the existing profiles, and
    the people for whom failed logins are stored."""

    keys: Keys
    profiles: Views
    guarded: Collection[Owner]


async def read_owners(connection: DatabaseConnection, keyring: Keyring, owners: Collection[Owner]) -> Owners:
    """Read the data of these owners in one round trip. Raises CannotUnseal if the keyring does not open the
    keys of an owner."""
    rows = await users.read_owners(connection, sorted(owners))
    keys = {
        (row["tenant"], row["owner"]): keyring.open(
            row["tenant"], row["owner"], wrapped_keys(row, "profile_key", "activity_key")
        )
        for row in rows
        if row["version"] is not None
    }
    guarded = {(row["tenant"], row["owner"]) for row in rows if row["guarded"]}
    return Owners(keys, Views({PROFILE: PROFILE.states(rows, keys)}), guarded)


async def read_views(pool: asyncpg.Pool, batch: Sequence[Logged], owners: Owners, folded: Views) -> Views:
    """Return the states that a batch starts from: those in `folded`, which the tables may not contain yet,
    otherwise those in the tables."""
    guarded = {*owners.guarded, *folded.of(LOGIN_GUARD)} if folded.of(LOGIN_GUARD) else owners.guarded
    touched = {view: view.touches(batch, guarded) for view in FOLD_VIEWS}
    known = folded.among(touched)
    stored = owners.profiles.copy()
    missing = [
        (view, load(f"projections.{view.name}")[view.read], sorted(wanted))
        for view, keys in touched.items()
        if view.read is not None and (wanted := keys - known.of(view).keys())
    ]
    if missing:
        async with pool.acquire() as connection:
            for view, query, absent in missing:
                rows = await connection.fetch(query, *columns(absent))
                stored.of(view).update(view.states(rows, owners.keys))
    stored.take(known)
    return stored


def statements(folded: Folded, settled: Reservations, keys: Keys) -> list[list[Statement]]:
    """Return the statements that store a folded batch, as statement batches. Secrets are sealed with the keys
    of their owners."""
    states = [statement(one) for view in FOLD_VIEWS for one in view.writes(folded.changes(view), keys)]
    followed = [
        [[statement(one) for one in batch] for batch in view.writes(folded.applied)] for view in EVENT_VIEWS
    ]
    return side_by_side([states], reservation_statements(settled), *followed)


def reservation_statements(settled: Reservations) -> list[list[Statement]]:
    """Return the statements that confirm and release reservations. Releases of reservations that are
    confirmed in the same batch follow in a later statement batch."""
    released = [(*owner, kind, place, kept) for (owner, kind, place), kept in settled.released.items()]
    first = _with_rows(reservations.dropped(settled.dropped), reservations.confirmed(settled.confirmed))
    ended = _with_rows(reservations.replaced(released))
    return [first, ended] if settled.intertwined else [[*first, *ended]]


def _with_rows(*found: Statement) -> list[Statement]:
    return [one for one in found if one[1]]


def columns(keys: Sequence[Any]) -> list[list[Any]]:
    """Return one array per part of the keys. A key with one part is a plain value, not a tuple."""
    parts = (key if isinstance(key, tuple) else (key,) for key in keys)
    return [list(column) for column in zip(*parts, strict=True)]
