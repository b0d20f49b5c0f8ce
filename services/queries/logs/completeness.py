"""How far the log entries are complete: what a walk by checkpoint may show without ever missing an entry.

Entries are ordered by the broker's time, but partitions are applied at different speeds, so an entry may
appear behind a newer one. Below the horizon that cannot happen any more: each partition is applied beyond it,
or has nothing older left to apply. It is asked for in this order: the clock, the ends of the log, the
positions of the view, and only then the entries.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import asyncpg

from projections.log_entry.entry import first_id
from services.management.container import Service
from services.runtime.postgres.named_queries import load

NOTHING: Final = ""
"""The horizon while nothing is known to be complete: no id is below it."""


class Reached(NamedTuple):
    """Where a partition is applied to: the next offset, and the broker's time of the last record."""

    next_offset: int
    recorded_at: datetime | None


_NOWHERE: Final = Reached(0, None)


def horizon(settled: datetime, ends: Mapping[int, int], reached: Mapping[int, Reached]) -> str:
    """The id below which the entries are complete.

    `settled` is a time before which the broker stamps no record that is not below `ends`. A partition that
    lags is complete only before its last record's time: the next one may bear the same millisecond.
    """
    complete = settled
    for partition, end in ends.items():
        place = reached.get(partition, _NOWHERE)
        if place.next_offset >= end:
            continue
        if place.recorded_at is None:
            return NOTHING
        complete = min(complete, place.recorded_at)
    return first_id(complete)


async def complete_below(service: Service, connection: asyncpg.Connection) -> str:
    """The horizon now; for entries that are read after this. Raises Transient."""
    margin = timedelta(seconds=service.settings.log_margin_seconds)
    settled = datetime.now(UTC) - margin
    ends = await service.end.all(service.partitions)
    rows = await connection.fetch(load("services.management")["applied_positions"], service.watch.topic)
    reached = {row["partition"]: Reached(row["next_offset"], row["recorded_at"]) for row in rows}
    return horizon(settled, ends, reached)
