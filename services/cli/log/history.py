"""A user's events, read from the log at the offsets that the audit trail records."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from schemas.errors import InvalidEvent
from schemas.formats.identifiers import record_key
from schemas.formats.positions import Position
from schemas.sealing.mapper import read_sealed
from schemas.topics import Topic, catalogue
from services.cli import addresses
from services.cli.ledger import keyring, operator
from services.cli.log.unseal import EventUnsealer
from services.queries.history import audited_offset, find_subject, record_positions
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.log_reader import LogReader, open_log
from services.runtime.kafka.log_writer import partition_of
from services.runtime.postgres.pool import DatabaseConnection

_AUDITED_WITHIN_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.05
_FETCH_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class History:
    """Reads and unseals the events of a tenant's users as the operator."""

    ledger: addresses.Ledger
    kafka: KafkaAccess
    topic: str
    tenant: str

    async def of_user(self, user_id: str) -> list[dict[str, Any]]:
        """Return the unsealed events of a user, oldest first, each with its position; none for an unknown
        user."""
        async with (
            operator(self.ledger.url) as connection,
            open_log(self.kafka, self.topic, fetch_bytes=_FETCH_BYTES) as log,
        ):
            subject = await find_subject(connection, self.tenant, user_id)
            if subject is None:
                return []
            await self._until_audited(connection, log, subject)
            positions = await record_positions(connection, self.tenant, subject)
            opener = EventUnsealer(connection, await keyring(connection, self.ledger.key_provider))
            found = [await _read(log, place, opener) for place in positions]
            return [event for event in found if event is not None]

    async def _until_audited(self, connection: DatabaseConnection, log: LogReader, subject: str) -> None:
        """Wait until the trail covers the log's present end, for ten seconds at most."""
        partition = partition_of(
            record_key(self.tenant, subject), catalogue()[Topic.PROFILE_EVENTS].partitions
        )
        end = await log.end(partition)
        deadline = asyncio.get_running_loop().time() + _AUDITED_WITHIN_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            audited = await audited_offset(connection, partition)
            if audited is not None and audited >= end:
                return
            await asyncio.sleep(_POLL_SECONDS)


async def _read(log: LogReader, position: Position, opener: EventUnsealer) -> dict[str, Any] | None:
    """Return the unsealed event at a position, or None if the record is gone or no event of its subject."""
    record = await log.record_at(position)
    if record is None:
        return None
    try:
        sealed = read_sealed(record.key, record.value)
    except InvalidEvent:
        return None
    return await opener.open(sealed) | {"position": str(position)}
