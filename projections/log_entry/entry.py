"""A log entry, and its id, by which entries are sorted."""

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from projections.logged import Logged
from schemas.formats.instants import render


class Entry(NamedTuple):
    """A row. Searchable values have columns; `details` and `more` (further root fields) are JSON."""

    tenant: str
    log_id: str
    date: datetime
    type: str
    description: str | None = None
    connection: str | None = None
    client_id: str | None = None
    hostname: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    strategy: str | None = None
    strategy_type: str | None = None
    organization_id: str | None = None
    subject: str | None = None
    details: str | None = None
    more: str | None = None


def log_id(logged: Logged, index: int) -> str:
    """Return 56 digits: `900`, the broker's time in milliseconds, then partition, offset and the entry's
    number within the event. The id depends only on the record, so a rebuilt view has equal ids."""
    place = logged.position
    return f"{first_id(logged.recorded_at)}{place.partition:09}{place.offset:018}{index:09}"


@lru_cache(maxsize=4096)
def first_id(moment: datetime) -> str:
    """Return the prefix of all ids of this millisecond. As text it sorts before them and after all earlier
    ones."""
    return "900" + "".join(filter(str.isdecimal, render(moment)))
