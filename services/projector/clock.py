"""The broker's clock as the log shows it: it never runs backwards within a partition."""

from collections.abc import Sequence
from datetime import datetime

from aiokafka import ConsumerRecord

from schemas.formats.instants import from_milliseconds

Latest = dict[int, datetime]
"""Partition -> the time of its last record."""


def stamp(records: Sequence[ConsumerRecord], latest: Latest) -> list[datetime]:
    """The broker's time of each record, or that of an earlier record of its partition where the broker's
    clock was set back; `latest` is brought up to the last of them. A replay from the beginning comes to the
    same."""
    times: list[datetime] = []
    for record in records:
        told = from_milliseconds(record.timestamp)
        known = latest.get(record.partition)
        if known is None or told > known:
            latest[record.partition] = known = told
        times.append(known)
    return times
