"""The interface between the worker loop and a worker's own code."""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol

from aiokafka import ConsumerRecord

from schemas.errors import InvalidEvent
from services.runtime.periodic import FailurePolicy

State = Literal["up", "retrying", "stuck", "failed"]
"""The state that a process reports in its heartbeat."""


class Fenced(Exception):
    """The stored position is not the expected one: another instance has taken these partitions over."""


class WorkerHeartbeat(Protocol):
    """Reports the state of a worker."""

    def handled(self, count: int) -> None:
        """Count records that were applied or quarantined."""

    def working(self) -> None:
        """Report that the worker has recovered from a failure."""

    def retrying(self, error: BaseException) -> None:
        """Report that a dependency fails and that the worker retries."""

    def obstacle(self) -> str | None:
        """Why the worker is not up; None when it is."""

    async def ends(self, state: State, reason: str) -> None:
        """Write the final report, with the reason why the process ends."""


class Consumer(Protocol):
    """What a worker does with the records of its topic."""

    async def start(self, end_process: FailurePolicy) -> WorkerHeartbeat:
        """Open the consumer's resources and return the heartbeat to report with. Raises Transient.

        `end_process` is the failure policy for background loops that the worker cannot run without.
        """

    async def stored_positions(self, partitions: Collection[int]) -> Mapping[int, int] | None:
        """Return the next offset of each partition as stored with the effects, or None if Kafka stores the
        positions.

        A partition that is missing starts at its beginning. Raises Transient.
        """

    async def apply(self, records: Sequence[ConsumerRecord]) -> None:
        """Apply a batch, all or nothing. Raises Transient or Fenced."""

    async def quarantine(self, record: ConsumerRecord, error: InvalidEvent) -> None:
        """Set a record aside that cannot be applied. Raises Transient or Fenced, or WorkerFailed when the
        consumer must not skip the record."""

    async def stop(self) -> None:
        """Close the resources that `start` opened, after the last batch."""


def next_offsets(records: Sequence[ConsumerRecord]) -> dict[int, int]:
    """Return, for each partition, the offset after its last record in the batch."""
    return {record.partition: record.offset + 1 for record in records}


def first_offsets(records: Sequence[ConsumerRecord]) -> dict[int, int]:
    """Return, for each partition, the offset of its first record in the batch."""
    return {record.partition: record.offset for record in reversed(records)}
