"""Finds the record that makes a batch fail, so that the other records are applied.

A batch that fails with an unknown error is split in halves down to single records. A single record that fails
ATTEMPTS times is quarantined with the type of the error. When the cause is in the installation and not in a
record (a missing table or privilege, many consecutive records that fail), the process ends and quarantines
nothing, because the records will succeed after a repair.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import asyncpg
import structlog
from aiokafka import ConsumerRecord

from schemas.errors import InvalidEvent, Transient
from services.runtime.worker.intake import WorkerFailed

_log = structlog.get_logger()

ATTEMPTS: Final = 3
BACKOFF_SECONDS: Final = 0.05
MOST_IN_A_ROW: Final = 100
"""Number of consecutive failing records after which the cause is assumed not to be in the records."""

_NOT_A_RECORD: Final = (
    WorkerFailed,
    MemoryError,
    asyncpg.SyntaxOrAccessError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidSchemaNameError,
    asyncpg.ReadOnlySQLTransactionError,
)

Records = Sequence[ConsumerRecord]
Apply = Callable[[Records], Awaitable[bool]]


class Isolation:
    """Applies or quarantines every record of a batch.

    `apply` returns False when the worker must not continue with the batch. `remaining` returns the records of
    a failed batch that have not been applied. `done` is called after each part.
    """

    def __init__(
        self,
        apply: Apply,
        remaining: Callable[[Records], Awaitable[Records]],
        quarantine: Callable[[ConsumerRecord, InvalidEvent], Awaitable[bool]],
        done: Callable[[Records], Awaitable[None]],
    ) -> None:
        self._apply = apply
        self._remaining = remaining
        self._quarantine = quarantine
        self._done = done
        self._in_a_row = 0

    async def bring_to_an_end(self, records: Records) -> bool:
        """Apply or quarantine every record; return False when the worker must not continue with the batch.
        Raises errors that no record causes."""
        try:
            if not await self._apply(records):
                return False
        except (Transient, *_NOT_A_RECORD):
            raise
        except Exception as error:
            return await self._isolate(records, error)
        self._in_a_row = 0
        await self._done(records)
        return True

    async def _isolate(self, records: Records, error: Exception) -> bool:
        if len(records) == 1:
            return await self._retry_alone(records, error)
        _log.warning("batch_split", records=len(records), error=type(error).__name__, exc_info=error)
        left = await self._remaining(records)
        if applied := [record for record in records if record not in left]:
            await self._done(applied)
        middle = len(left) // 2
        for half in (left[:middle], left[middle:]):
            if half and not await self.bring_to_an_end(half):
                return False
        return True

    async def _retry_alone(self, records: Records, error: Exception) -> bool:
        for _ in range(ATTEMPTS - 1):
            await asyncio.sleep(BACKOFF_SECONDS)
            try:
                if not await self._apply(records):
                    return False
            except (Transient, *_NOT_A_RECORD):
                raise
            except Exception as again:
                error = again
            else:
                self._in_a_row = 0
                await self._done(records)
                return True
        return await self._give_up(records, error)

    async def _give_up(self, records: Records, error: Exception) -> bool:
        self._in_a_row += 1
        if self._in_a_row > MOST_IN_A_ROW:
            raise WorkerFailed(
                f"{MOST_IN_A_ROW} records in a row cannot be applied ({type(error).__name__}): the cause is "
                "not in the records"
            ) from error
        (record,) = records
        _log.error(
            "record_unprocessable", topic=record.topic, partition=record.partition, offset=record.offset,
            error=type(error).__name__, exc_info=error,
        )  # fmt: skip
        if not await self._quarantine(record, InvalidEvent("unprocessable", type(error).__name__)):
            return False
        await self._done(records)
        return True
