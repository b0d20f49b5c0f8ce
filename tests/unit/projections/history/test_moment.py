"""Moments of the past."""

from datetime import UTC, datetime, timedelta

import pytest

from projections.history.moment import Moment
from projections.logged import Logged
from schemas.formats.positions import Position
from tests.samples.profile_events import START, login

TEN = datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T10:00:00Z", Moment(time=TEN)),
        ("2026-11-23T11:00:00.000+01:00", Moment(time=TEN)),
        (" 2026-11-23 10:00:00 ", Moment(time=TEN)),
        ("2026-11-23T10:00", Moment(time=TEN)),
        ("2026-11-23", Moment(time=TEN.replace(hour=0))),
        ("3:17", Moment(position=Position(3, 17))),
    ],
)
def test_a_moment_is_a_time_or_a_position(text: str, moment: Moment) -> None:
    """RFC 3339, with less of it where that is clear, or partition and offset."""
    assert Moment.parse(text) == moment


@pytest.mark.parametrize("text", ["", "now", "3:", "1969-12-31", "2026-11-23T10:00:00+99:00", "2026-02-30"])
def test_anything_else_is_none(text: str) -> None:
    """Neither is guessed."""
    with pytest.raises(ValueError, match=r"."):
        Moment.parse(text)


def test_a_clock_that_is_ahead_does_not_hide_an_event() -> None:
    """An event came when it was stored if it claims a later time, and when it happened if it came late."""
    ahead = Logged(login(minute=10), Position(0, 5), START)
    late = Logged(login(), Position(0, 5), START + timedelta(minutes=10))
    for logged in (ahead, late):
        assert not Moment(time=START).is_before(logged)
        assert Moment(time=START - timedelta(milliseconds=1)).is_before(logged)
    assert not Moment(position=Position(0, 5)).is_before(late)
    assert Moment(position=Position(0, 4)).is_before(late)
