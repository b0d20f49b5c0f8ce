"""How far the log entries are complete: what a walk by checkpoint may show without ever missing an entry.

Entries are ordered by the broker's time, but partitions are applied at different speeds, so an entry may
appear behind a newer one. Below the completeness bound that cannot happen any more: each partition is applied
beyond it, or has nothing older left to apply. The reads happen in this order: the clock, the ends of the log,
the positions of the view, and only then the entries.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from projections.log_entry.entry import first_id
from services.ledger.progress.positions import AppliedPosition, applied_positions
from services.runtime.kafka.log_reader import LogReader
from services.runtime.postgres.pool import DatabaseConnection

NOTHING_COMPLETE: Final = ""
"""The bound while nothing is known to be complete: no id is below it."""
_NOT_BEGUN: Final = AppliedPosition(0, None)


def complete_until(settled: datetime, ends: Mapping[int, int], applied: Mapping[int, AppliedPosition]) -> str:
    """Return the id below which the entries are complete.

    `settled` is a time before which the broker stamps no record that is not below `ends`. A partition that
    lags is complete only before its last record's time: the next one may have the same time in milliseconds.
    """
    complete = settled
    for partition, end in ends.items():
        place = applied.get(partition, _NOT_BEGUN)
        if place.next_offset >= end:
            continue
        if place.recorded_at is None:
            return NOTHING_COMPLETE
        complete = min(complete, place.recorded_at)
    return first_id(complete)


async def complete_below(connection: DatabaseConnection, log: LogReader, margin_seconds: float) -> str:
    """Return the completeness bound now, for entries that are read after this. Raises Transient.

    `log` is the event log. The broker's clock may be `margin_seconds` behind this process's.
    """
    settled = datetime.now(UTC) - timedelta(seconds=margin_seconds)
    ends = await log.ends()
    return complete_until(settled, ends, await applied_positions(connection, log.topic))
