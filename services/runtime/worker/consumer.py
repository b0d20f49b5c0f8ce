"""What a worker's consumer is to its loop: the interface between the two."""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol

from aiokafka import ConsumerRecord

from schemas.errors import InvalidEvent
from services.runtime.periodic import FailurePolicy

State = Literal["up", "retrying", "stuck", "failed"]
"""What a process reports of itself."""


class Fenced(Exception):
    """The stored position is not the expected one: another instance has taken these partitions over."""


class WorkerHeartbeat(Protocol):
    """Where a worker reports how it is."""

    def handled(self, count: int) -> None:
        """Count events that were brought to their end."""

    def working(self) -> None:
        """The worker is up again after a failure that passed."""

    def retrying(self, error: BaseException) -> None:
        """The worker waits for its surroundings and tries again."""

    async def ends(self, state: State, reason: str) -> None:
        """Leave a last report that says why the process ends."""


class Consumer(Protocol):
    """What one worker does between its topic and its effects."""

    async def start(self, end_process: FailurePolicy) -> WorkerHeartbeat:
        """Open what the consumer needs; returns the heartbeat to report with. Raises Transient.

        `end_process` is the failure policy of background loops without which the worker must not go on.
        """

    async def stored_positions(self, partitions: Collection[int]) -> Mapping[int, int] | None:
        """Partition -> next offset as stored with the effects (missing: from the beginning); None when the
        broker keeps the positions. Raises Transient."""

    async def apply(self, records: Sequence[ConsumerRecord]) -> None:
        """Bring a batch to its end, all or nothing. Raises Transient or Fenced."""

    async def quarantine(self, record: ConsumerRecord, error: InvalidEvent) -> None:
        """Bring a record that cannot be applied to its end. Raises Transient or Fenced, or WorkerFailed when
        the consumer cannot do without the record."""

    async def stop(self) -> None:
        """Close what `start` opened, after the last batch."""


def next_offsets(records: Sequence[ConsumerRecord]) -> dict[int, int]:
    """Partition -> the offset after its last record in the batch."""
    return {record.partition: record.offset + 1 for record in records}


def first_offsets(records: Sequence[ConsumerRecord]) -> dict[int, int]:
    """Partition -> the offset of its first record in the batch."""
    return {record.partition: record.offset for record in reversed(records)}
