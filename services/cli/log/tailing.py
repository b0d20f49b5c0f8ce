"""What `vita tail` does: reads the log, leaves out what is not wanted, opens what may be opened."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from aiokafka import ConsumerRecord

from schemas.errors import InvalidEvent
from schemas.formats.positions import Position
from schemas.sealing.mapper import SealedEvent, read_sealed
from services.cli import addresses
from services.cli.admission import admitted
from services.cli.ledger import keyring, operator
from services.cli.log.following import Wanted, reading
from services.cli.log.unseal import Opener
from services.runtime.kafka.access import KafkaAccess

Show = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Source:
    """What to read, from where to where."""

    kafka: KafkaAccess
    topic: str
    from_beginning: bool
    follows: bool
    limit: int | None


@dataclass(frozen=True, slots=True)
class Door:
    """What is needed to open sealed parts: the keys, and a token that allows it."""

    ledger: addresses.Ledger
    management_url: str
    token: str


async def follow_log(source: Source, wanted: Wanted, door: Door | None, show: Show) -> None:
    """Shows events until the limit or the end is reached. A door opens only events of the token's tenant;
    opening verifies them, and what is not opened is shown as it lies on the log."""
    async with AsyncExitStack() as stack:
        tenant, opener = None, None
        if door is not None:
            tenant = (await admitted(door.ledger, door.management_url, door.token)).tenant
            connection = await stack.enter_async_context(operator(door.ledger.url))
            opener = Opener(connection, await keyring(connection, door.ledger.key_provider))
        log = await stack.enter_async_context(
            reading(source.kafka, source.topic, from_beginning=source.from_beginning)
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
    """None for a record that is no event: the projector puts those into profile.events.dlq."""
    try:
        return read_sealed(record.key, record.value)
    except InvalidEvent:
        return None
