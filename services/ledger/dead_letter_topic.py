"""Finds dead letters on their topic."""

from datetime import UTC, datetime, timedelta
from typing import Final

from schemas.formats.instants import milliseconds
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.log_reader import open_log
from services.runtime.kafka.log_writer import partition_of

_CLOCKS_APART: Final = timedelta(minutes=10)
"""How far the clocks of the broker and the database may be apart."""


async def find_on_topic(kafka: KafkaAccess, topic: str, name: str, recorded_at: datetime) -> bytes | None:
    """Return the dead letter of a record, `topic/partition/offset`, from the topic of dead letters; None if
    the topic no longer holds it.

    `recorded_at` is when the ledger noted it: the search begins there. Raises Transient.
    """
    key = name.encode()
    async with open_log(kafka, topic) as log:
        partition = partition_of(key, len(log.partitions))
        end = await log.end(partition)
        since = milliseconds(recorded_at.astimezone(UTC) - _CLOCKS_APART)
        await log.go_to(partition, await log.offset_at(partition, since))
        while records := await log.records(end):
            for record in records:
                if record.key == key:
                    return bytes(record.value)
    return None
