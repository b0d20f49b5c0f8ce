"""Where the records of a subject lie on the log: by the audit trail, and behind its end by the log itself.

The auditor runs behind the log. What it has not reached yet is read from the end of the subject's partition,
up to a limit; `is_whole` says whether that was all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from aiokafka import ConsumerRecord

from projections.trail.leaf import leaf_of
from schemas.formats.identifiers import record_key
from schemas.formats.positions import Position
from services.ledger import directory
from services.runtime.kafka.log_writer import partition_of
from services.runtime.kafka.record_fetcher import RecordFetcher
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection

TAIL_RECORDS: Final = 20_000
"""How many records behind the trail's end are looked at: the auditor is some hundred milliseconds behind."""
_PAGE_ROWS: Final = 10_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Place(NamedTuple):
    """A record of a subject: its offset, its event's type and time, and the latest time of any of the
    subject's events up to it. Type and time are what the record claims."""

    offset: int
    type: str
    time: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class TrailIndex:
    """The records of a subject, in the order of the log. `tail` holds those that the trail does not cover."""

    partition: int
    places: Sequence[Place]
    tail: Mapping[int, ConsumerRecord]
    reaches: int
    """The offset before which every record of the subject is known."""
    is_whole: bool
    """Whether the log had no record from `reaches` on."""

    @property
    def end(self) -> Position:
        """The last position up to which every record of the subject is known."""
        return Position(self.partition, max(self.reaches - 1, 0))


async def subject_of(connection: DatabaseConnection, tenant: str, user_id: str) -> str | None:
    """Return the subject of the user who has or had this id, None if no user did."""
    provider, _, idp_id = user_id.partition("|")
    return await directory.subject_of_identity(connection, tenant, provider, idp_id)


async def audited(
    connection: DatabaseConnection, tenant: str, subject: str, partitions: int
) -> tuple[int, list[Place]]:
    """Return the offset up to which the trail covers the subject's partition, of a topic with this many, and
    the records of the subject before it."""
    partition = partition_of(record_key(tenant, subject), partitions)
    covered: int = await connection.fetchval(_query("audited_end"), partition) or 0
    places: list[Place] = []
    after, last = -1, _EPOCH
    while True:
        rows = await connection.fetch(
            _query("subject_records"), tenant, subject, partition, after, _PAGE_ROWS
        )
        for row in rows:
            time = row["time"] or last
            last = max(last, time)
            places.append(Place(row["log_offset"], row["type"] or "", time, last))
        if len(rows) < _PAGE_ROWS:
            break
        after = rows[-1]["leaf_index"]
    return max(covered, places[-1].offset + 1 if places else 0), places


async def with_tail(
    fetcher: RecordFetcher, tenant: str, subject: str, partitions: int, found: tuple[int, list[Place]]
) -> TrailIndex:
    """Return the index of a subject from what `audited` found, with what the log holds behind the trail's
    end. Raises Transient."""
    covered, places = found
    key = record_key(tenant, subject)
    partition = partition_of(key, partitions)
    tail = await fetcher.tail(partition, covered, key, TAIL_RECORDS)
    last = places[-1].at if places else _EPOCH
    for record in tail.records:
        leaf = leaf_of(record.value)
        time = leaf.time or last
        last = max(last, time)
        places.append(Place(record.offset, leaf.type or "", time, last))
    kept = {record.offset: record for record in tail.records}
    return TrailIndex(partition, places, kept, tail.reaches, tail.is_whole)


def _query(name: str) -> str:
    return load("services.queries.user_history", "trail_index.sql")[name]
