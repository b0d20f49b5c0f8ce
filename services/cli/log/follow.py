"""Follows the event log for `vita tail`: filters events, and unseals those of the token's tenant."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from aiokafka import ConsumerRecord

from schemas.errors import InvalidEvent
from schemas.formats.positions import Position
from schemas.sealing.mapper import SealedEvent, read_sealed
from services.cli import addresses
from services.cli.authorization import require_scope
from services.cli.ledger import keyring, operator
from services.cli.log.event_reader import EventFilter, open_reader
from services.cli.log.unseal import EventUnsealer
from services.runtime.kafka.access import KafkaAccess

Show = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class LogRange:
    """Which part of the log to read."""

    kafka: KafkaAccess
    topic: str
    from_beginning: bool
    follows: bool
    limit: int | None


@dataclass(frozen=True, slots=True)
class UnsealAccess:
    """What unsealing needs: the keys, and a token with the scope read:events."""

    ledger: addresses.Ledger
    management_url: str
    token: str


async def follow_log(source: LogRange, wanted: EventFilter, access: UnsealAccess | None, show: Show) -> None:
    """Pass each event that passes the filter to `show`, until the limit or the end of the range is reached.

    With `access`, events of the token's tenant are unsealed and thereby verified. All other events are
    passed as they are on the log, with `verified` false. Raises CommandFailed when the token lacks the
    scope or the topic does not exist.
    """
    async with AsyncExitStack() as stack:
        tenant, opener = None, None
        if access is not None:
            tenant = (await require_scope(access.ledger, access.management_url, access.token)).tenant
            connection = await stack.enter_async_context(operator(access.ledger.url))
            opener = EventUnsealer(connection, await keyring(connection, access.ledger.key_provider))
        log = await stack.enter_async_context(
            open_reader(source.kafka, source.topic, from_beginning=source.from_beginning)
        )
        count = 0
        async for record in log.records(follows=source.follows):
            event = _event(record)
            if event is None or not wanted.holds(event):
                continue
            opened = opener is not None and event.tenant == tenant
            envelope = await opener.open(event) if opener and opened else event.envelope
            verified = opened and "unreadable" not in envelope
            position = str(Position(record.partition, record.offset))
            show(envelope | {"position": position, "verified": verified})
            count += 1
            if count == source.limit:
                return


def _event(record: ConsumerRecord) -> SealedEvent | None:
    """Return the event, or None for a record that is not one (the projector quarantines those)."""
    try:
        return read_sealed(record.key, record.value)
    except InvalidEvent:
        return None
