"""Views that need nothing read beforehand: what they hold follows from each event that counted, with the
person before and after it.

One more: a pure function from `Applied` to rows in the view's folder under `projections`, and here the
statements those rows go through, in waves. Rows of one batch are in the order of the log; statements must not
depend on how batches are cut.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from projections.applied import Applied
from projections.daily.rows import days
from projections.linked_identity.rows import changes as linked_changes
from projections.log_entry.entries import entries
from projections.membership.rows import changes as membership_changes
from projections.population.rows import differences
from projections.session.writes import session_writes
from services.runtime.postgres.named_queries import load

Write = tuple[str, Sequence[Sequence[Any]]]
"""A statement that takes one array per column, and its rows; never without rows."""
Wave = Sequence[Write]
"""Statements that touch different rows: they may run in any order, or as one."""


def memberships(applied: Sequence[Applied]) -> list[Wave]:
    """Who has which role and belongs to which organization."""
    queries, found = load("projections.membership"), membership_changes(applied)
    gone = [tuple(place) for place, since in found.items() if since is None]
    there = [(*place, since) for place, since in found.items() if since is not None]
    writes: list[Write] = [(queries["delete_memberships"], gone), (queries["write_memberships"], there)]
    return [[write for write in writes if write[1]]]


def linked_identities(applied: Sequence[Applied]) -> list[Wave]:
    """Whom further identities are of."""
    queries, found = load("projections.linked_identity"), linked_changes(applied)
    rows = [(*person, *row) for person, linked in found.items() for row in linked]
    writes: list[Write] = [(queries["delete_linked"], list(found)), (queries["write_linked"], rows)]
    return [[write] for write in writes if write[1]]


def log_entries(applied: Sequence[Applied]) -> list[Wave]:
    """What the logs tell."""
    rows = [entry for one in applied for entry in entries(one)]
    return [[(load("projections.log_entry")["write_log_entries"], rows)]] if rows else []


def daily(applied: Sequence[Applied]) -> list[Wave]:
    """Counts by day."""
    rows = [(*day, *counts) for day, counts in days(applied).items()]
    return [[(load("projections.daily")["add_to_days"], rows)]] if rows else []


def population(applied: Sequence[Applied]) -> list[Wave]:
    """How many people there are."""
    rows = [(*place, more) for place, more in differences(applied).items()]
    return [[(load("projections.population")["add_to_population"], rows)]] if rows else []


def sessions(applied: Sequence[Applied]) -> list[Wave]:
    """Sessions, refresh tokens, grants, device credentials."""
    queries = load("projections.session")
    return [[(queries[statement], rows) for statement, rows in wave] for wave in session_writes(applied)]


DERIVED: Final[tuple[Callable[[Sequence[Applied]], list[Wave]], ...]] = (
    memberships,
    linked_identities,
    log_entries,
    daily,
    population,
    sessions,
)
