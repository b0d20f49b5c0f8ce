"""Where the rows of people differ from their history, and the repairs that operators ask for.

Tables `ledger.difference`, `ledger.repair` and `ledger.self_check`. They hold opaque subjects and the names
of tables and columns, never a value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection

MOST_ROUNDS: Final = 5
"""How often the rows of a person are rewritten before a repair fails."""
Subject = tuple[str, str]
"""(tenant, subject)"""


@dataclass(frozen=True, slots=True)
class RepairState:
    """What became of a repair. `mended` names what differed; `failure` says why it was not possible."""

    rounds: int
    mended: Sequence[str]
    is_settled: bool
    failure: str | None


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """How many people were compared with their history, and how many have a difference, by its name.
    `last_at` is None before the first comparison."""

    people: int
    last_at: datetime | None
    differences: Mapping[str, int]


async def request_repairs(connection: DatabaseConnection, people: Sequence[Subject], by: str) -> None:
    """Request that the rows of these people are rewritten."""
    await connection.execute(_query("request"), [one[0] for one in people], [one[1] for one in people], by)


async def found_differences(connection: DatabaseConnection, tenant: str) -> dict[str, Sequence[str]]:
    """Return whose rows differ, by subject, with the names of what differs."""
    rows = await connection.fetch(_query("found"), tenant)
    return {row["subject"]: row["names"] for row in rows}


async def repair_state(connection: DatabaseConnection, tenant: str, subject: str) -> RepairState | None:
    """Return what became of the repair of a person, None if none was requested."""
    row = await connection.fetchrow(_query("state"), tenant, subject)
    if row is None:
        return None
    return RepairState(row["rounds"], row["mended"], row["settled_at"] is not None, row["failure"])


async def next_repair(connection: DatabaseConnection) -> Subject | None:
    """Take the repair that is due and waits for the longest, inside the caller's transaction; None if there
    is none that no other process works on."""
    row = await connection.fetchrow(_query("next"))
    return None if row is None else (row["tenant"], row["subject"])


async def note_mended(connection: DatabaseConnection, person: Subject, names: Sequence[str]) -> None:
    """Record a round of a repair that mended something; a later round confirms it."""
    await connection.execute(_query("mended"), *person, list(names))


async def settle_repair(connection: DatabaseConnection, person: Subject, failure: str | None = None) -> None:
    """End a repair, and forget the person's differences unless it failed."""
    await connection.execute(_query("settle"), *person, failure)
    if failure is None:
        await connection.execute(_query("clear"), *person)


async def note_checked(connection: DatabaseConnection, person: Subject, names: Sequence[str]) -> None:
    """Count a person who was compared, and record what differs."""
    await connection.execute(_query("clear"), *person)
    if names:
        await connection.execute(_query("note"), *person, list(names))
    await connection.execute(_query("checked"), 1)


async def self_check_summary(connection: DatabaseConnection) -> SelfCheck:
    """Return what the checks found so far."""
    rows = await connection.fetch(_query("summary"))
    found = {row["name"]: row["differing"] for row in rows if row["name"] is not None}
    return SelfCheck(rows[0]["people"] or 0, rows[0]["last_at"], found)


def _query(name: str) -> str:
    return load("services.ledger", "repairs.sql")[name]
