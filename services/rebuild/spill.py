"""The records of a partition, sorted into one file per bucket: each bucket is folded without reading the log
again. Values stay sealed."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from aiokafka import ConsumerRecord

from schemas.formats.instants import milliseconds
from services.rebuild.stretch import bucket_of
from services.runtime.kafka.record_batches import Unreadable

_HEAD: Final = struct.Struct(">IIqq")
FILE_BYTES: Final = 1 << 20


class StoredRecord(NamedTuple):
    """A record as the readers of records take it. `timestamp` is in milliseconds since 1970."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Spill:
    """One file per bucket in a folder."""

    def __init__(self, folder: Path, partition: int, buckets: Iterable[int], count: int) -> None:
        """`buckets` are those of the `count` that are wanted; records of the others are left out."""
        self._partition, self._count = partition, count
        self._paths = {bucket: folder / f"{partition}-{bucket}" for bucket in buckets}
        self._open = ExitStack()
        self._files = {
            bucket: self._open.enter_context(path.open("wb", buffering=FILE_BYTES))
            for bucket, path in self._paths.items()
        }

    def add(self, records: Sequence[ConsumerRecord], times: Sequence[datetime]) -> None:
        """Write records with the times by which they are stamped. Records that cannot be events are left
        out."""
        for record, at in zip(records, times, strict=True):
            if record.key is None or record.value is None or isinstance(record.value, Unreadable):
                continue
            file = self._files.get(bucket_of(record.key, self._count))
            if file is not None:
                head = _HEAD.pack(len(record.key), len(record.value), record.offset, milliseconds(at))
                file.write(head + record.key + record.value)

    def close(self) -> None:
        """Finish the files: they can be read now."""
        self._open.close()

    def read(self, bucket: int, at_once: int) -> Iterator[list[StoredRecord]]:
        """Return the records of a bucket in the order of the log, in batches."""
        with self._paths[bucket].open("rb", buffering=FILE_BYTES) as file:
            batch: list[StoredRecord] = []
            while head := file.read(_HEAD.size):
                key_bytes, value_bytes, offset, timestamp = _HEAD.unpack(head)
                key, value = file.read(key_bytes), file.read(value_bytes)
                batch.append(StoredRecord(self._partition, offset, timestamp, key, value))
                if len(batch) == at_once:
                    yield batch
                    batch = []
            if batch:
                yield batch

    def remove(self, bucket: int) -> None:
        """Delete the file of a bucket."""
        self._paths[bucket].unlink()
