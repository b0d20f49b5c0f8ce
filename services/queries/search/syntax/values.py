"""Notations of numbers, dates and flags in queries."""

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from projections.search.value import UNSEARCHABLE, value_text

_NUMBER: Final = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,4})?")
_CLOCK: Final = r"([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?)?"
_ZONE: Final = r"([Zz]|[+-][0-9]{2}:?[0-9]{2})?"
_DATE: Final = re.compile(rf"([0-9]{{4}})(?:-([0-9]{{2}})(?:-([0-9]{{2}})(?:[Tt ]{_CLOCK}{_ZONE})?)?)?")
_DATED_TEXT: Final = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}(?:-[0-9]{{2}}(?:[Tt ]{_CLOCK})?)?")
_STEPS: Final = {
    3: timedelta(days=1),
    4: timedelta(hours=1),
    5: timedelta(minutes=1),
    6: timedelta(seconds=1),
}
_MILLISECOND: Final = timedelta(milliseconds=1)
BIGGEST: Final = 2**63 - 1

Period = tuple[datetime, datetime | None]
"""From, to before; without an end at the end of the calendar."""


def number(text: str) -> Decimal | None:
    """Return the number that a text is, None for any other text and for a number that is too long to be
    compared."""
    found = Decimal(text) if _NUMBER.fullmatch(text) else None
    return None if found is None or value_text(found) == UNSEARCHABLE else found


def flag(text: str) -> bool | None:
    """Return true or false, None for any other text."""
    return {"true": True, "false": False}.get(text)


def is_partly_dated(text: str) -> bool:
    """Return whether a text looks like a date or the beginning of one that is finer than a year, so that what
    begins with it lies within it."""
    return _DATED_TEXT.fullmatch(text) is not None


def period(text: str) -> Period | None:
    """Return the period that a date covers: 2017 a year, 2017-12-31 a day, down to the millisecond; in UTC
    unless the text has an offset. None for any other text."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    *parts, fraction, zone = found.groups()
    given = [int(part) for part in parts if part is not None]
    microseconds = int((fraction or "0").ljust(6, "0")[:6])
    year, month, day, hour, minute, second = [*given, *(1, 1, 1, 0, 0, 0)[len(given) :]]
    leap = timedelta(seconds=second == 60)
    try:
        local = datetime(year, month, day, hour, minute, min(second, 59), microseconds, tzinfo=UTC)
        start = local - _offset(zone) + leap
        if leap and (start.hour, start.minute, start.second) != (0, 0, 0):
            return None
        return start, _end(start, len(given), fraction is not None)
    except (ValueError, OverflowError):
        return None


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone in "Zz":
        return timedelta(0)
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 23 or minutes > 59:
        raise ValueError("no such offset")
    return timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)


def _end(start: datetime, parts: int, fractional: bool) -> datetime | None:
    try:
        if parts == 1:
            return start.replace(year=start.year + 1)
        if parts == 2:
            return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
        return start + (_MILLISECOND if fractional else _STEPS[parts])
    except (ValueError, OverflowError):
        return None


def at_least(value: Decimal, inclusive: bool) -> int:
    """Return the least whole number in the range that begins here."""
    least = math.ceil(value)
    return min(max(least + (not inclusive and least == value), -BIGGEST), BIGGEST)


def at_most(value: Decimal, inclusive: bool) -> int:
    """Return the greatest whole number in the range that ends here."""
    most = math.floor(value)
    return min(max(most - (not inclusive and most == value), -BIGGEST), BIGGEST)
