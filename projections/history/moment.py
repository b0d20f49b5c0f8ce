"""A moment in a person's history, given as a time or as a position on the log. Pure.

The profile at a moment is the one right before the first event that came later, in the order of the log. So
it is always a state that the views have shown: an event that arrived late is not moved to the time that it is
about.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from projections.logged import Logged
from schemas.formats import instants
from schemas.formats.positions import Position


@dataclass(frozen=True, slots=True)
class Moment:
    """Either `time` (UTC) or `position` is given."""

    time: datetime | None = None
    position: Position | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the moment behind `partition:offset` or a time as in RFC 3339, of which the zone may be left
        out for UTC and the time of the day for its beginning. Raises ValueError for any other text."""
        try:
            return cls(position=Position.parse(text))
        except ValueError:
            return cls(time=_time(text.strip()))

    def is_before(self, logged: Logged) -> bool:
        """Return whether an event came later than this moment.

        By time, an event came when it happened, or when the broker stored it if that was earlier: the clock
        of a gateway may be ahead. By position, events at a higher offset came later.
        """
        if self.position is not None:
            return logged.position.offset > self.position.offset
        return self.time is not None and min(logged.event.time, logged.recorded_at) > self.time


def _time(text: str) -> datetime:
    try:
        return instants.parse(text)
    except instants.OutOfRange:
        raise
    except ValueError:
        given = datetime.fromisoformat(text)
        if given.tzinfo is not None:
            raise
    return instants.parse(f"{given.isoformat()}Z")
