"""Records of the log, verified and opened."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from aiokafka import ConsumerRecord

from projections.fold_view import Keys, Owner
from projections.logged import Logged
from schemas.errors import InvalidEvent
from schemas.formats.positions import Position
from schemas.sealing.mapper import KeyDestroyed, SealedEvent, open_event, read_sealed
from services.runtime.kafka.log_writer import partition_of
from services.runtime.kafka.record_batches import check_readable
from services.runtime.worker.intake import WorkerFailed
from services.views.clock import Latest, stamp

_NEWER: Final = ("unknown_type", "unknown_version")
BREATH: Final = 25
"""Events opened before the event loop runs other tasks."""


class Read(NamedTuple):
    """A record, the sealed event in it, and the broker's time of it."""

    record: ConsumerRecord
    sealed: SealedEvent
    recorded_at: datetime

    @property
    def owner(self) -> Owner:
        """The tenant, and the owner of the keys that open the event."""
        return self.sealed.tenant, self.sealed.owner


class Refused(NamedTuple):
    """A record that holds no valid event. `owner` is the owner of the keys that sealed it; None when that is
    not certain."""

    record: ConsumerRecord
    error: InvalidEvent
    owner: Owner | None = None


def read_records(
    records: Sequence[ConsumerRecord], partitions: int, latest: Latest
) -> tuple[list[Read], list[Refused]]:
    """Return the sealed events of records of a topic with this many partitions, and the records that hold
    none, with the InvalidEvent that reading them raises. Updates `latest`."""
    read: list[Read] = []
    refused: list[Refused] = []
    for record, recorded_at in zip(records, stamp(records, latest), strict=True):
        try:
            check_readable(record)
            sealed = read_sealed(record.key, record.value)
            if partition_of(record.key, partitions) != record.partition:
                raise InvalidEvent("not_authentic", "the record is not in the partition of its subject")
            read.append(Read(record, sealed, recorded_at))
        except InvalidEvent as error:
            refused.append(Refused(record, error))
    return read, refused


async def open_records(
    read: Sequence[Read], keys: Keys, passed: Mapping[int, int]
) -> list[Logged | Refused | None]:
    """Return for each record its event, or why it is refused; None when the keys of its owner have been
    destroyed. Other tasks of the event loop run in between.

    `passed` are the next offsets that an earlier generation has applied, by partition: events before them are
    marked as replayed. Raises WorkerFailed for an authentic event of a type or version that this version of
    Vita does not know: a newer one wrote it, and skipping it would lose it.
    """
    opened: list[Logged | Refused | None] = []
    for index, one in enumerate(read):
        if index % BREATH == 0:
            await asyncio.sleep(0)
        opened.append(_opened(one, keys, passed))
    return opened


def _opened(one: Read, keys: Keys, passed: Mapping[int, int]) -> Logged | Refused | None:
    record, found = one.record, keys.get(one.owner)
    try:
        if found is None:
            raise InvalidEvent("not_authentic", "the ledger has no keys of this subject")
        event = open_event(one.sealed, found)
    except InvalidEvent as error:
        if error.reason in _NEWER:
            raise WorkerFailed(
                f"{record.partition}:{record.offset} is an event that this version of Vita does not know"
                f" ({error.detail}): start the version that wrote it; nothing was skipped"
            ) from None
        return Refused(record, error, None if error.reason == "not_authentic" else one.owner)
    except KeyDestroyed:
        return None
    position = Position(record.partition, record.offset)
    return Logged(event, position, one.recorded_at, record.offset < passed.get(record.partition, 0))
