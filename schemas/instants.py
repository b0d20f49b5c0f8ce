"""Instants as the wire shows them: ISO 8601, UTC, milliseconds, `Z`."""

from datetime import UTC, datetime, timedelta
from typing import Final

_LATEST: Final = 253_370_764_799_999
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def parse(text: str) -> datetime:
    """An aware UTC time, cut to the millisecond, from RFC 3339 text. Raises ValueError without a zone or
    beyond the calendar."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone")
    try:
        return truncate(moment.astimezone(UTC))
    except OverflowError as error:
        raise ValueError("a time beyond the calendar") from error


def render(moment: datetime) -> str:
    """`2023-01-25T19:00:26.187Z` for an aware UTC time."""
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def truncate(moment: datetime) -> datetime:
    """The same instant without what is finer than a millisecond."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def from_milliseconds(milliseconds: int) -> datetime:
    """An aware UTC time from a Kafka record's timestamp, which a producer may set to anything; from 1970 to
    9998."""
    return datetime.fromtimestamp(min(max(milliseconds, 0), _LATEST) / 1000, UTC)


def milliseconds(moment: datetime) -> int:
    """Since 1970, exactly."""
    return (moment - _EPOCH) // _MILLISECOND
