"""A person's events, read from the log where the audit trail says they are."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.mapper import read_sealed
from schemas.positions import Position
from schemas.topics import Topic
from services.cli import places
from services.cli.ledger import keyring, operator
from services.cli.opening import Opener
from services.runtime.sql import load

_AUDITED_WITHIN_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.05
_FETCH_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class History:
    """Reads as the operator."""

    ledger: places.Ledger
    bootstrap: str
    topic_prefix: str | None
    tenant: str

    async def of_user(self, user_id: str) -> list[dict[str, Any]]:
        """The opened events behind a user, oldest first, each with its position; none for an unknown user."""
        topic = places.topic(self.topic_prefix, Topic.PROFILE_EVENTS)
        async with operator(self.ledger.url) as connection:
            subject = await connection.fetchval(load("services.cli")["subject_of_user"], self.tenant, user_id)
            if subject is None:
                return []
            opener = Opener(connection, await keyring(connection, self.ledger.key_provider))
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self.bootstrap, enable_auto_commit=False, max_partition_fetch_bytes=_FETCH_BYTES
            )
            await consumer.start()
            try:
                positions = await self._audited(connection, consumer, topic, subject)
                return [await _read(consumer, topic, position, opener) for position in positions]
            finally:
                await consumer.stop()

    async def _audited(
        self, connection: asyncpg.Connection, consumer: AIOKafkaConsumer, topic: str, subject: str
    ) -> Sequence[Position]:
        """Where the person's records are, once the auditor has seen what the log holds now, or is too late."""
        found = await self._places(connection, subject)
        deadline = asyncio.get_running_loop().time() + _AUDITED_WITHIN_SECONDS
        place = TopicPartition(topic, found[0].partition) if found else None
        end = (await consumer.end_offsets([place]))[place] if place else 0
        while asyncio.get_running_loop().time() < deadline and (place is None or await _tip(connection, place) < end):
            await asyncio.sleep(_POLL_SECONDS)
            found = await self._places(connection, subject)
            place = TopicPartition(topic, found[0].partition) if found else None
        return await self._places(connection, subject)

    async def _places(self, connection: asyncpg.Connection, subject: str) -> list[Position]:
        rows = await connection.fetch(load("services.cli")["places_of_subject"], self.tenant, subject)
        return [Position(row["partition"], row["log_offset"]) for row in rows]
