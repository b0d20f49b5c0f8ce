"""An event with its place on the log."""

from datetime import datetime
from typing import NamedTuple

from schemas.events import Event
from schemas.formats.positions import Position


class Logged(NamedTuple):
    """An event with its place on the log. `recorded_at` is the broker's time of the record: unlike the
    event's own time it never runs backwards within a partition. `replayed` says that an earlier generation of
    the views had it already, so it has no effect outside of the views again."""

    event: Event
    position: Position
    recorded_at: datetime
    replayed: bool = False
