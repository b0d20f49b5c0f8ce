"""An event on its way through the views: where it stood on the log, and the person before and after it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from projections.profile.state import Profile
from schemas.events import Event
from schemas.formats.positions import Position


class Logged(NamedTuple):
    """An event with its place on the log. `recorded_at` is the broker's time of the record: unlike the
    event's own time it never runs backwards within a partition. `replayed` says that an earlier generation of
    the views had it already, so nothing outside of the views may follow from it again."""

    event: Event
    position: Position
    recorded_at: datetime
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Applied:
    """An event that counted: no duplicate.

    `before` and `after` are the person it is about; both None for events of a tenant or of nobody known.
    `refused` says that it was a command which the fold turned down, so nothing came of it.
    """

    logged: Logged
    before: Profile | None = None
    after: Profile | None = None
    refused: bool = False

    @property
    def event(self) -> Event:
        """What happened."""
        return self.logged.event
