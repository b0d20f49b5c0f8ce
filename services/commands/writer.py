"""Writes events: seal, append, wait for the view."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from schemas.errors import Transient
from schemas.events import Event
from schemas.formats.positions import Position
from schemas.sealing.keys import SubjectKeys
from schemas.sealing.mapper import Record, seal_event
from services.commands.pending import Pending
from services.ledger.progress.position_watch import PositionWatch
from services.runtime.fairness.current_request import spend
from services.runtime.kafka.log_writer import LogWriter
from services.runtime.metrics.catalogue import EVENTS
from services.runtime.metrics.meters import count
from services.runtime.rejection import Rejected, Rejection, unavailable

COUNTED_BYTES: Final = 64 << 10
"""The part of an event up to this size is not counted towards the tenant's share, because it costs little in
comparison with the request."""
SECONDS_PER_BYTE: Final = 3e-7
"""Processor time of the log and the projector for each byte of a larger event, measured with metadata of many
values."""
EVENT_TOO_LARGE: Final = Rejection("too_large", "The change is larger than an event may be.")
OUTCOME_UNKNOWN: Final = unavailable(
    "The event log did not confirm the change in time: it may still be made. Read before you repeat it.",
    "outcome_unknown",
)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class WaitTimes:
    """How long commands wait for the log to confirm an append and for the view to show it, and the age at
    which the event of an unconfirmed reservation can no longer arrive; all in seconds."""

    append_seconds: float
    view_seconds: float
    settle_seconds: float


class NotSent(Exception):
    """The events certainly are not on the log."""


@dataclass(frozen=True, slots=True)
class Written:
    """The position of the last event, and whether the view shows it."""

    position: Position
    visible: bool


def count_appended(events: Sequence[Event]) -> None:
    """Count events that are on the log."""
    for event in events:
        count(EVENTS, event.type, "appended")


def _seconds_behind(records: Sequence[Record]) -> float:
    return sum(max(0, len(record.value) - COUNTED_BYTES) for record in records) * SECONDS_PER_BYTE


class Writer:
    """Appends the events of one command, all or none, and waits until the view shows them."""

    def __init__(self, log: LogWriter, watch: PositionWatch, times: WaitTimes) -> None:
        self._log, self._watch, self._times = log, watch, times
        self._under_way: dict[asyncio.Future[Position], tuple[str, tuple[str, ...]]] = {}

    async def write(
        self, events: Sequence[Event], keys: SubjectKeys, pending: Pending | None = None
    ) -> Written:
        """Seal and append the events, and wait for the view. The first event decides `pending`.

        Raises NotSent or KeyDestroyed if nothing was written, Rejected (unavailable) if that is unknown.
        """
        records = [seal_event(event, keys) for event in events]
        if pending is not None:
            await pending.note(events[0].subject, events[0].id, keys)
        position = await self.append(events[0].tenant, [event.id for event in events], records)
        count_appended(events)
        return Written(position, await self.wait_for_view(position))

    async def wait_for_view(self, position: Position) -> bool:
        """Return whether the view shows a position within the time that a request waits."""
        return await self._watch.wait_for(position, self._times.view_seconds)

    async def append(self, tenant: str, event_ids: Sequence[str], records: Sequence[Record]) -> Position:
        """Append sealed events without waiting for the view. Raises NotSent, or Rejected (503)."""
        try:
            appending = self._log.append(records)
        except ValueError as error:
            raise NotSent from error
        spend(_seconds_behind(records))
        self._under_way[appending] = tenant, tuple(event_ids)
        appending.add_done_callback(self._arrived)
        done, _ = await asyncio.wait([appending], timeout=self._times.append_seconds)
        if not done:
            raise Rejected(OUTCOME_UNKNOWN)
        try:
            return appending.result()
        except Transient as error:
            raise Rejected(OUTCOME_UNKNOWN) from error

    def under_way(self) -> dict[str, list[str]]:
        """Return the ids of events that may still reach the log, by tenant."""
        found: dict[str, list[str]] = {}
        for tenant, event_ids in self._under_way.values():
            found.setdefault(tenant, []).extend(event_ids)
        return found

    def _arrived(self, appending: asyncio.Future[Position]) -> None:
        self._under_way.pop(appending, None)
        if not appending.cancelled() and (error := appending.exception()) is not None:
            _log.warning("append_failed", error=type(error).__name__)
