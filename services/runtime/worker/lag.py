"""How far a worker is behind the end of its topic, in records and in seconds."""

import time
from collections.abc import Sequence

from aiokafka import ConsumerRecord

from services.runtime.kafka.failures import kafka_failures
from services.runtime.metrics.catalogue import LAG_RECORDS, LAG_SECONDS
from services.runtime.metrics.meters import show
from services.runtime.worker.intake import Intake


class Lag:
    """The lag of each assigned partition, as gauges.

    The age of the oldest record that waits is exact while that record is worked on. Otherwise it is the time
    since nothing waited, or since the broker stored the last applied record: no record that waits is older.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._nothing_waited_at: dict[int, float] = {}

    def applied(self, records: Sequence[ConsumerRecord]) -> None:
        """Records were brought to their end."""
        stored_at = {record.partition: record.timestamp for record in records}
        self._nothing_waited_at |= {partition: at / 1000 for partition, at in stored_at.items()}

    async def measure(self, under_way: Sequence[ConsumerRecord]) -> None:
        """Ask the broker for the ends of the assigned partitions and set the gauges; `under_way` are records
        that are worked on. Raises Transient."""
        positions, consumer = self._intake.positions, self._intake.consumer
        places = [place for place in consumer.assignment() if place in positions]
        with kafka_failures():
            ends = await consumer.end_offsets(places) if places else {}
        behind = {place.partition: max(0, ends[place] - positions[place]) for place in places}
        now, known = time.time(), self._nothing_waited_at
        self._nothing_waited_at = {
            partition: known[partition] if count else now
            for partition, count in behind.items()
            if not count or partition in known
        }
        since = self._nothing_waited_at | {
            record.partition: record.timestamp / 1000 for record in reversed(under_way)
        }
        show(LAG_RECORDS, {(str(partition),): count for partition, count in behind.items()})
        ages = {
            partition: max(0.0, now - since[partition]) if count else 0.0
            for partition, count in behind.items()
            if partition in since
        }
        show(LAG_SECONDS, {(str(partition),): age for partition, age in ages.items()})
