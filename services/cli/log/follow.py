"""Follows the event log for `vita tail`: filters events, and unseals those of the token's tenant."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import ConsumerRecord

from schemas.errors import InvalidEvent
from schemas.formats.positions import Position
from schemas.sealing.mapper import SealedEvent, read_sealed
from services.cli import addresses
from services.cli.authorization import require_scope
from services.cli.failure import CommandFailed
from services.cli.ledger import keyring, operator
from services.cli.log.event_filter import EventFilter
from services.cli.log.unseal import EventUnsealer
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.log_reader import LogReader, open_log

Show = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class LogRange:
    """The part of the log to read."""

    kafka: KafkaAccess
    topic: str
    from_beginning: bool
    follows: bool
    limit: int | None


@dataclass(frozen=True, slots=True)
class UnsealAccess:
    """The access that unsealing requires: the keys, and a token with the scope read:events."""

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
        log = await stack.enter_async_context(_log_of(source))
        ends = await log.ends()
        starts = await log.begins() if source.from_beginning else ends
        count = 0
        async for record in log.follow(starts, None if source.follows else ends):
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


@asynccontextmanager
async def _log_of(source: LogRange) -> AsyncIterator[LogReader]:
    try:
        async with open_log(source.kafka, source.topic) as log:
            yield log
    except LookupError as error:
        raise CommandFailed(
            str(error), "check VITA_KAFKA_BOOTSTRAP and VITA_TOPIC_PREFIX, or run `vita up`"
        ) from error


def _event(record: ConsumerRecord) -> SealedEvent | None:
    """Return the event, or None for a record that is not one (the projector quarantines those)."""
    try:
        return read_sealed(record.key, record.value)
    except InvalidEvent:
        return None
