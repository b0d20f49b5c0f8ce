"""Sagas: commands that change several people, stored until their last event has taken effect (design D16).

Tables `ledger.link` and `ledger.link_participant`. A holder is the number of an advisory lock that the
process executing the saga holds while it is connected.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection


@dataclass(frozen=True, slots=True)
class StoredSaga:
    """A stored saga: the values of its sealed records in order, and that of the record that reverts the first
    one; None if no record does."""

    command: str
    events: tuple[bytes, ...]
    undo: bytes | None


async def reserve_participants(
    connection: DatabaseConnection, tenant: str, command: str, subjects: Collection[str]
) -> bool:
    """Reserve people for a saga, inside the caller's transaction. Return False if another saga has one of
    them; then the caller rolls back."""
    taken = await connection.fetch(_query("reserve_participants"), tenant, UUID(command), sorted(subjects))
    return len(taken) == len(subjects)


async def begin(
    connection: DatabaseConnection, tenant: str, kind: str, saga: StoredSaga, holder: int
) -> None:
    """Store a saga. From now on a process will complete it, also after a crash."""
    await connection.execute(
        _query("begin"), tenant, UUID(saga.command), kind, list(saga.events), saga.undo, holder
    )


async def touch(connection: DatabaseConnection, tenant: str, command: str) -> None:
    """Record that a process works on a saga, if the saga has not ended."""
    await connection.execute(_query("touch"), tenant, UUID(command))


async def end(connection: DatabaseConnection, tenant: str, command: str) -> None:
    """Remove a saga with the reservations of its people."""
    await connection.execute(_query("end"), tenant, UUID(command))


async def abandoned(
    connection: DatabaseConnection,
    tenant: str,
    age_seconds: float,
    subjects: Sequence[str] | None = None,
) -> list[StoredSaga]:
    """Return at most 100 sagas whose process has ended, or that no process has worked on for `age_seconds`:
    of all people, or of these."""
    rows = await connection.fetch(
        _query("abandoned"), tenant, age_seconds, None if subjects is None else list(subjects)
    )
    return [StoredSaga(str(row["command"]), tuple(row["events"]), row["undo"]) for row in rows]


async def take_over(
    connection: DatabaseConnection, tenant: str, command: str, age_seconds: float, holder: int
) -> bool:
    """Make this process the holder of an abandoned saga. Return False if another process works on it or has
    ended it."""
    return (
        await connection.fetchval(_query("take_over"), tenant, UUID(command), age_seconds, holder) is not None
    )


def _query(name: str) -> str:
    return load("services.ledger", "sagas.sql")[name]
