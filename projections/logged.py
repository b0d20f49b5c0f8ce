"""An event with its place on the log."""

from datetime import datetime
from typing import NamedTuple

from schemas.events import Event
from schemas.formats.positions import Position


class Logged(NamedTuple):
    """An event with its position on the log. `recorded_at` is the broker's time of the record, which never
    decreases within a partition. `replayed` means that an earlier generation of the views has applied the
    event, so that it has no effects outside of the views."""

    event: Event
    position: Position
    recorded_at: datetime
    replayed: bool = False
