"""Reads and writes times: ISO 8601, UTC, milliseconds, `Z`."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""The earliest time that is stored. The latest is the end of the year 9999, where `datetime` ends, so
that the database, the API and the verifier can read back every time that is stored."""
_LATEST_RECORD: Final = 253_370_764_799_999
_MILLISECOND: Final = timedelta(milliseconds=1)
_LEAP_SECOND: Final = re.compile(r"(.*[Tt ]\d\d:?\d\d:?)60(?:[.,]\d+)?((?:[Zz]|[+-][\d:]+)?)")


class OutOfRange(ValueError):
    """The text is a time outside the years 1970 to 9999 in UTC."""


def parse(text: str) -> datetime:
    """Return the UTC time behind RFC 3339 text, cut to the millisecond.

    Upper and lower case `T` and `Z` are accepted. A leap second, `23:59:60Z`, is the second that follows it,
    as in POSIX. Raises OutOfRange for a time outside 1970 to 9999, ValueError for any other text and for a
    time without a zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = _unusual(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone")
    return truncate(bounded(moment))


def bounded(moment: datetime) -> datetime:
    """Return an aware time in UTC. Raises OutOfRange unless it lies within 1970 to 9999."""
    try:
        utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except OverflowError:
        raise OutOfRange("a time beyond the calendar") from None
    if utc < EARLIEST:
        raise OutOfRange("a time before 1970")
    return utc


@lru_cache(maxsize=4096)
def render(moment: datetime) -> str:
    """Return an aware UTC time as text, for example `2023-01-25T19:00:26.187Z`. The time of an event becomes
    text several times while it is folded."""
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def truncate(moment: datetime) -> datetime:
    """Return the time truncated to the millisecond."""
    finer = moment.microsecond % 1000
    return moment.replace(microsecond=moment.microsecond - finer) if finer else moment


def from_milliseconds(milliseconds: int) -> datetime:
    """Return the UTC time of a Kafka record's timestamp, limited to 1970 to 9998.

    A producer may set the timestamp to anything.
    """
    return datetime.fromtimestamp(min(max(milliseconds, 0), _LATEST_RECORD) / 1000, UTC)


def milliseconds(moment: datetime) -> int:
    """Return the exact number of milliseconds since 1970."""
    return (moment - EARLIEST) // _MILLISECOND


def _unusual(text: str) -> datetime:
    """Return the time of a text with a lower-case `z` or a leap second. Raises ValueError for any other."""
    text = text.upper()
    leap = _LEAP_SECOND.fullmatch(text)
    if leap is None:
        return datetime.fromisoformat(text)
    moment = datetime.fromisoformat(f"{leap[1]}59{leap[2]}")
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone")
    utc = bounded(moment)
    if (utc.hour, utc.minute) != (23, 59):
        raise ValueError("a leap second ends a day of UTC")
    try:
        return utc + timedelta(seconds=1)
    except OverflowError:
        raise OutOfRange("a time beyond the calendar") from None
