"""Laws of positions and of a batch's own offsets."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.formats.positions import Position
from services.ledger.progress.position_watch import PositionWatch
from services.ledger.progress.positions import notification
from services.runtime.kafka.log_writer import partition_of
from services.runtime.periodic import Readiness
from services.runtime.worker.consumer import first_offsets, next_offsets

positions = st.builds(Position, st.integers(0, 10**9 - 1), st.integers(0, 10**18 - 1))


class Placed(NamedTuple):
    """A record's place."""

    partition: int
    offset: int


@st.composite
def batches(draw: st.DrawFn) -> list[Placed]:
    """Records of a few partitions, each in its own order, as a poll brings them."""
    runs = draw(
        st.dictionaries(st.integers(0, 11), st.tuples(st.integers(0, 1000), st.integers(1, 5)), max_size=4)
    )
    queues = [[Placed(p, first + n) for n in range(count)] for p, (first, count) in runs.items()]
    mixed = []
    while any(queues):
        queue = draw(st.sampled_from([queue for queue in queues if queue]))
        mixed.append(queue.pop(0))
    return mixed


@given(positions)
def test_a_position_is_its_text(position: Position) -> None:
    """Parsing the text of a position gives the position; surrounding blanks are ignored."""
    assert Position.parse(str(position)) == position
    assert Position.parse(f" {position}\t") == position


@given(st.text(max_size=8))
def test_any_other_text_is_refused(text: str) -> None:
    """Whatever a caller sends is a position or a ValueError, never another failure."""
    try:
        position = Position.parse(text)
    except ValueError:
        return
    assert Position.parse(str(position)) == position


@given(positions, positions)
def test_positions_of_a_partition_are_ordered_as_its_records(one: Position, other: Position) -> None:
    """Comparing positions compares partitions, then offsets."""
    assert (one < other) == ((one.partition, one.offset) < (other.partition, other.offset))


@given(batches())
def test_a_batch_reaches_from_its_first_to_its_last(batch: list[Placed]) -> None:
    """First and next offsets frame exactly the batch's records of a partition."""
    first, following = first_offsets(batch), next_offsets(batch)
    for partition in {record.partition for record in batch}:
        offsets = [record.offset for record in batch if record.partition == partition]
        assert (first[partition], following[partition]) == (min(offsets), max(offsets) + 1)


@given(batches())
def test_a_notification_covers_the_committed_records(batch: list[Placed]) -> None:
    """A notification covers exactly the records up to the batch's last."""
    watch = PositionWatch("postgresql://nowhere", "topic", Readiness())
    watch._heard(notification(1, next_offsets(batch)))
    for record in batch:
        assert watch.covers(Position(record.partition, record.offset))
    for partition, offset in next_offsets(batch).items():
        assert not watch.covers(Position(partition, offset))


@given(batches(), st.randoms(use_true_random=False))
def test_late_notifications_take_nothing_back(batch: list[Placed], random: object) -> None:
    """Heard in any order, twice or from a retired generation, the watch only ever moves forward."""
    watch = PositionWatch("postgresql://nowhere", "topic", Readiness())
    news = [notification(2, {record.partition: record.offset + 1}) for record in batch]
    mixed = [*news, *news]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    for text in [notification(2, {11: 0}), *mixed, notification(1, {0: 10**12})]:
        watch._heard(text)
    for partition, offset in next_offsets(batch).items():
        assert watch.covers(Position(partition, offset - 1))
        assert not watch.covers(Position(partition, offset))
    assert not watch.covers(Position(0, 10**11))


@pytest.mark.parametrize(
    ("key", "partition"), [(b"demo/sub_0", 6), (b"demo", 0), (b"acme", 2), ("ж/名".encode(), 4)]
)
def test_a_key_stays_in_its_partition_for_ever(key: bytes, partition: int) -> None:
    """These numbers may never change: histories lie where they say (CRC-32, librdkafka's `consistent`)."""
    assert partition_of(key, 12) == partition
