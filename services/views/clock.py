"""The time of records by the broker's clock, made monotonic within a partition."""

from collections.abc import Sequence
from datetime import datetime

from aiokafka import ConsumerRecord

from schemas.formats.instants import from_milliseconds

Latest = dict[int, datetime]
"""The time of the last record of each partition."""


def stamp(records: Sequence[ConsumerRecord], latest: Latest) -> list[datetime]:
    """Return the broker's time of each record, or that of an earlier record of its partition if the broker's
    clock was set back. Updates `latest`. A replay from the beginning gives the same times."""
    times: list[datetime] = []
    for record in records:
        recorded_at = from_milliseconds(record.timestamp)
        known = latest.get(record.partition)
        if known is None or recorded_at > known:
            latest[record.partition] = known = recorded_at
        times.append(known)
    return times
