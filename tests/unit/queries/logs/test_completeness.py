"""Below the completeness bound no entry appears any more."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from projections.log_entry.entry import first_id, log_id
from projections.logged import Logged
from schemas.formats.positions import Position
from services.ledger.progress.positions import AppliedPosition
from services.queries.logs.completeness import NOTHING_COMPLETE, complete_until
from tests.samples.profile_events import login

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
LOGIN = login()


def at(milliseconds: int) -> datetime:
    return START + timedelta(milliseconds=milliseconds)


def test_nothing_is_complete_before_a_waiting_partition_has_begun() -> None:
    """A partition with records of which none is applied may hold the oldest."""
    assert complete_until(at(9), {0: 1, 1: 1}, {0: AppliedPosition(1, at(5))}) == NOTHING_COMPLETE


def test_fully_applied_partitions_are_complete() -> None:
    """A fully applied partition, with or without records, does not limit completeness."""
    assert complete_until(at(9), {0: 1, 1: 0}, {0: AppliedPosition(1, at(5))}) == first_id(at(9))


def test_a_lagging_partition_holds_the_others_back() -> None:
    """Up to its last record's millisecond, which the next one may share."""
    reached = {0: AppliedPosition(4, at(7)), 1: AppliedPosition(2, at(5))}
    assert complete_until(at(9), {0: 4, 1: 3}, reached) == first_id(at(5))


@given(
    st.lists(st.lists(st.integers(0, 9), max_size=5).map(sorted), min_size=1, max_size=3),
    st.data(),
    st.integers(0, 9),
)
def test_nothing_is_missing_below_it(partitions: list[list[int]], data: st.DataObject, settled: int) -> None:
    """For any extents of log and view, all records that are not applied are above the limit."""
    ends, reached, missing = {}, {}, []
    for partition, times in enumerate(partitions):
        logged = [Logged(LOGIN, Position(partition, offset), at(time)) for offset, time in enumerate(times)]
        end = len([time for time in times if time < settled])
        applied = data.draw(st.integers(0, len(times)))
        ends[partition] = data.draw(st.integers(end, len(times)))
        if applied:
            reached[partition] = AppliedPosition(applied, logged[applied - 1].recorded_at)
        missing += [log_id(one, 0) for one in logged[applied:]]
    found = complete_until(at(settled), ends, reached)
    assert all(one > found for one in missing)
