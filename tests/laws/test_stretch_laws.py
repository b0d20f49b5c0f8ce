"""The laws of a stretch: what a rebuild writes once per person is what the projector's batches add up to."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from projections.fold_view import Write
from services.rebuild.stretch import Stretch, bucket_of
from services.rebuild.tables import copy_target
from services.runtime.kafka.log_writer import partition_of
from tests.laws.events import histories, split
from tests.laws.tables import KEYS, folded
from tests.samples.profile_events import on_the_log

people = histories(people=3, max_size=24)
cuts = st.lists(st.integers(0, 30), max_size=5)
Rows = dict[str, Counter[tuple[Any, ...]]]


def replayed(stream: Sequence[Any], places: Sequence[int]) -> Rows:
    """The rows that a stretch copies into each table, for any batches."""
    stretch, owners = Stretch(), {(event.tenant, event.subject): KEYS for event in stream}
    running = [write for batch in split(on_the_log(stream), places) for write in stretch.take(batch)]
    return copied([*running, *stretch.finish(owners)])


def copied(writes: Sequence[Write]) -> Rows:
    """The rows of the writes that are copied, by table."""
    rows: Rows = {}
    for write in writes:
        target = copy_target(write)
        if target is not None and write.rows:
            rows.setdefault(target.table, Counter()).update(tuple(row) for row in write.rows)
    return rows


@given(people, cuts)
def test_a_stretch_writes_what_batches_add_up_to(stream: list[Any], places: list[int]) -> None:
    """Profiles and the rows of searches, byte for byte, each once."""
    tables, rows = folded(split(stream, places)), replayed(stream, places)
    profile, search, activity, leaves = tables.rows()
    for table, expected in (("profile", profile), ("search", search), ("activity", activity)):
        assert rows.get(table, Counter()) == Counter((*who, *row) for who, row in expected.items())
    assert rows.get("search_leaf", Counter()) == Counter(
        (*who, *leaf, *ends) for who, has in leaves.items() for leaf, ends in has.items()
    )


@given(people, cuts)
def test_a_stretch_may_be_read_in_any_batches(stream: list[Any], places: list[int]) -> None:
    """Every copied table has the same rows, those of log entries included."""
    at_once = replayed(stream, [])
    assert replayed(stream, places) == at_once
    assert replayed(stream, range(len(stream))) == at_once


@given(st.lists(st.binary(min_size=1, max_size=60), unique=True, max_size=40), st.integers(1, 9))
def test_a_subject_is_in_one_bucket(keys: list[bytes], buckets: int) -> None:
    """The bucket follows from the key alone and is one of those there are."""
    assert all(0 <= bucket_of(key, buckets) < buckets for key in keys)
    assert [bucket_of(key, buckets) for key in keys] == [bucket_of(bytes(key), buckets) for key in keys]


def test_buckets_share_the_subjects_of_a_partition() -> None:
    """Subjects of one partition are spread over all buckets, although both are remainders of hashes of one
    key."""
    keys = [b"demo/sub_%032x" % number for number in range(12_000)]
    for partition in (0, 7):
        spread = Counter(bucket_of(key, 6) for key in keys if partition_of(key, 12) == partition)
        assert len(spread) == 6
        assert max(spread.values()) < 1.5 * min(spread.values())
