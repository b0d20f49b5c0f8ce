"""The records of one subject on the event log, found by the index of the audit trail.

The trail may lag behind the log: what it does not cover yet is scanned.
"""

from collections.abc import AsyncIterator
from typing import Final

from aiokafka import ConsumerRecord

from schemas.formats.identifiers import record_key
from services.queries.history import audited_offset, record_positions
from services.runtime.kafka.log_reader import LogReader
from services.runtime.kafka.log_writer import partition_of
from services.runtime.postgres.pool import DatabaseConnection

FETCH_BYTES: Final = 64 * 1024
"""How much a reader that follows the index takes from a partition at once."""
MOST_SCANNED: Final = 100_000
"""How many records behind the trail are scanned; an auditor that is further behind has to catch up first."""


class TrailBehind(Exception):
    """The audit trail lags too far behind the log to find the records of a subject."""


def partition_of_subject(log: LogReader, tenant: str, subject: str) -> int:
    """Return the partition that holds a subject's records."""
    return partition_of(record_key(tenant, subject), len(log.partitions))


async def subject_records(
    connection: DatabaseConnection, log: LogReader, tenant: str, subject: str, end: int
) -> AsyncIterator[ConsumerRecord]:
    """Yield the records with the key of a subject below an offset of its partition, in the order of the log.

    Raises TrailBehind if more than MOST_SCANNED records below `end` are not audited yet, and Transient.
    """
    key, partition = record_key(tenant, subject), partition_of_subject(log, tenant, subject)
    audited = min(await audited_offset(connection, partition) or 0, end)
    if end - audited > MOST_SCANNED:
        raise TrailBehind(f"the trail of partition {partition} is {end - audited} records behind")
    for position in await record_positions(connection, tenant, subject):
        if position.partition == partition and position.offset < audited:
            record = await log.record_at(position)
            if record is not None and record.key == key:
                yield record
    async for record in later_records(log, tenant, subject, audited, end):
        yield record


async def later_records(
    log: LogReader, tenant: str, subject: str, start: int, end: int
) -> AsyncIterator[ConsumerRecord]:
    """Yield the records with the key of a subject from one offset of its partition to another, by reading all
    that lie there. Raises Transient."""
    key = record_key(tenant, subject)
    await log.go_to(partition_of_subject(log, tenant, subject), start)
    while records := await log.records(end):
        for record in records:
            if record.key == key:
                yield record
