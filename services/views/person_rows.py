"""The rows of one person in a generation: read, and rewritten from the person's history.

Everything happens in a transaction that holds the position of the person's partition, so that rows and
history are of one moment. A check rolls it back.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg

from projections.fold_view import Keys, Write, WriteBatch
from projections.log_entry.entry import first_id
from projections.membership.rows import KINDS
from projections.population.rows import PopulationKey
from schemas.formats import exact_json
from services.runtime.postgres.named_queries import fill, load
from services.runtime.postgres.pool import DatabaseConnection
from services.views.person_fold import PersonFold, rows_of
from services.views.row_comparison import as_rows, differences
from services.views.statement_batches import execute, statement

_BY_PERSON: Final = (
    "search", "activity", "search_leaf", "linked_identity", "login_guard", "session", "refresh_token",
    "user_grant", "device_credential",
)  # fmt: skip
"""Tables whose primary keys begin with the person, and whose rows the projector may delete."""
_SUBJECT_DIGITS: Final = 32


async def rewrite(connection: DatabaseConnection, fold: PersonFold, keys: Keys, partition: int) -> list[str]:
    """Rewrite the rows of a person from its history inside the caller's transaction; return what differed.

    `partition` is that of the person's events. Log entries that the tenant no longer keeps stay away.
    """
    person, batches = (fold.tenant, fold.subject), fold.batches(keys)
    batches = await _without_expired(connection, fold.tenant, batches)
    ids = [row[1] for row in rows_of(batches, "write_log_entries")]
    stored = await _read(connection, person, ids, await _memberships(connection, person, batches))
    pairs = [(row["kind"], row["target"]) for row in stored["membership"]]
    await _delete(connection, person, ids, pairs)
    for batch in batches:
        await execute(connection, [statement(write) for write in batch])
    fresh = await _read(connection, person, ids, await _memberships(connection, person, batches))
    found = differences(stored, fresh)
    was = any(row["document"] is not None for row in stored["profile"])
    if was != (fold.profile.document is not None):
        row = (*PopulationKey(fold.tenant, partition), -1 if was else 1)
        await execute(connection, [statement(Write("projections.population", "add_to_population", [row]))])
    return found


async def add_to_days(
    connection: DatabaseConnection, with_event: PersonFold, without: PersonFold, at: datetime
) -> None:
    """Add what one event more counts by day, heard of at a time, inside the caller's transaction."""
    more = with_event.days()
    more.subtract(without.days())
    days = {key[:3] for key, number in more.items() if number}
    rows = [
        (*day, more[(*day, "logins")], more[(*day, "signups")], more[(*day, "leaked_passwords")], at, at)
        for day in sorted(days)
    ]
    if rows:
        await execute(connection, [statement(Write("projections.daily", "add_to_days", rows))])


async def sample_person(connection: DatabaseConnection) -> tuple[str, str] | None:
    """Return any person, as (tenant, subject): any tenant that has users, then any moment in which its people
    came. None if there are no users."""
    tenant = await connection.fetchval(_query("some_tenant"))
    if tenant is None:
        return None
    bounds = await connection.fetchrow(_query("bounds"), tenant)
    if bounds is None or bounds["first"] is None:
        return None
    first, last = (int(bounds[name].removeprefix("sub_"), 16) for name in ("first", "last"))
    chosen = f"sub_{first + secrets.randbelow(last - first + 1):0{_SUBJECT_DIGITS}x}"
    subject = await connection.fetchval(_query("person_from"), tenant, chosen)
    return None if subject is None else (tenant, subject)


async def _read(
    connection: DatabaseConnection,
    person: tuple[str, str],
    ids: Sequence[str],
    pairs: Sequence[tuple[str, str]],
) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for table in ("profile", *_BY_PERSON):
        found[table] = as_rows(await connection.fetch(fill(_query("read_rows"), table=table), *person))
    kinds = [kind for kind, _ in pairs], [target for _, target in pairs]
    found["membership"] = as_rows(await connection.fetch(_query("read_memberships"), *person, *kinds))
    found["log_entry"] = as_rows(await connection.fetch(_query("read_entries"), person[0], list(ids)))
    return found


async def _delete(
    connection: DatabaseConnection,
    person: tuple[str, str],
    ids: Sequence[str],
    pairs: Sequence[tuple[str, str]],
) -> None:
    """Delete all but the profile, which is overwritten."""
    for table in _BY_PERSON:
        await connection.execute(fill(_query("delete_rows"), table=table), *person)
    kinds = [kind for kind, _ in pairs], [target for _, target in pairs]
    await connection.execute(_query("delete_memberships"), *person, *kinds)
    await connection.execute(_query("delete_entries"), person[0], list(ids))


async def _memberships(
    connection: DatabaseConnection, person: tuple[str, str], batches: Sequence[WriteBatch]
) -> list[tuple[str, str]]:
    """The memberships that the profile in the table has or should have: the table of memberships is not
    ordered by person."""
    rows = await connection.fetch(fill(_query("read_rows"), table="profile"), *person)
    text = rows[0]["associations"] if rows else None
    associations: Mapping[str, Any] = {} if text is None else exact_json.loads(text)
    known = {(kind, target) for name, kind in KINDS.items() for target in associations.get(name, {})}
    return sorted(known | {(row[1], row[2]) for row in rows_of(batches, "write_memberships")})


async def _without_expired(
    connection: asyncpg.Connection | DatabaseConnection, tenant: str, batches: Sequence[WriteBatch]
) -> list[WriteBatch]:
    days = await connection.fetchval(_query("retention"), tenant)
    if days is None:
        return list(batches)
    oldest = first_id(datetime.now(UTC) - timedelta(days=days))

    def kept(write: Write) -> Write:
        if write.query != "write_log_entries":
            return write
        return write._replace(rows=[row for row in write.rows if row[1] >= oldest])

    trimmed = [[kept(write) for write in batch] for batch in batches]
    return [[write for write in batch if write.rows] for batch in trimmed if batch]


def _query(name: str) -> str:
    return load("services.views", "person_rows.sql")[name]
