"""Writes accepted logins to the log, within the time that a request may take.

A record counts as written when all replicas have it. The caller sends all other records again.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from schemas.errors import Transient
from services.ingest.logins.signing import LoginRecord
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.log_writer import LogWriter
from services.runtime.periodic import FailurePolicy, Periodic

CHECK_SECONDS: Final = 0.25
PATIENCE: Final = 6
"""A connection on which a batch waits longer than this many times `ack_seconds` is replaced."""


class Publisher:
    """Writes logins to one topic as long as it is open. A background loop keeps it connected."""

    def __init__(self, kafka: KafkaAccess, topic: str, ack_seconds: float, policy: FailurePolicy) -> None:
        """Create a publisher that is not connected.

        `ack_seconds` is the time that a request waits for the broker; `policy` is the failure policy of the
        loop.
        """
        self._writer, self._ack_seconds = LogWriter(kafka, topic, timeout_seconds=ack_seconds), ack_seconds
        self._keeping = Periodic("broker_connection", self._keep_connected, CHECK_SECONDS, policy)

    async def open(self) -> None:
        """Start connecting in the background; waits for at most one attempt."""
        with suppress(Transient):
            await self._writer.connect()
        self._keeping.start()

    async def close(self, timeout_seconds: float) -> None:
        """Disconnect. Records that the broker does not acknowledge within the timeout have not been reported
        as accepted."""
        await self._keeping.stop()
        await self._writer.close(timeout_seconds)

    @property
    def is_ready(self) -> bool:
        """False while the broker is unavailable: not connected, or a batch has waited for it too long."""
        return self._writer.is_connected and self._writer.waited_seconds() < self._ack_seconds

    async def publish(self, records: Sequence[LoginRecord]) -> list[bool]:
        """Return for each record whether all replicas have it, after at most `ack_seconds`.

        Records of one key keep their order. Raises Transient, without a write, when the broker is
        unavailable.
        """
        if not self.is_ready:
            raise Transient("kafka: away")
        parts = self._writer.append_each(records)
        if parts:
            await asyncio.wait([written for _, written in parts], timeout=self._ack_seconds)
        result = [False] * len(records)
        for indexes, written in parts:
            if written.done() and written.exception() is None:
                for index in indexes:
                    result[index] = True
            else:
                written.cancel()
        return result

    async def _keep_connected(self) -> None:
        """Connect if necessary. Raises Transient while the broker is unavailable."""
        if self._writer.waited_seconds() > PATIENCE * self._ack_seconds:
            await self._writer.disconnect()
        await self._writer.connect()
