"""Counters, gauges and histograms as code uses them."""

import asyncio

import pytest

from services.runtime.metrics import exposition
from services.runtime.metrics.catalogue import Metric
from services.runtime.metrics.exposition import read_by, read_gauges
from services.runtime.metrics.meters import Phases, count, meter, observe, show


def metric(kind: str, *labels: str, buckets: tuple[float, ...] = ()) -> Metric:
    return Metric(
        name="vita_test",
        kind=kind,
        unit="things",
        labels=labels,
        meaning="For a test.",
        services=(),
        buckets=buckets,
    )  # type: ignore[arg-type]


def values(one: Metric) -> dict[tuple[str, ...], float]:
    (family,) = meter(one).collect()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_a_counter_adds() -> None:
    """By its labels, by one or by more."""
    one = metric("counter", "kind")
    count(one, "a")
    count(one, "a", by=2)
    count(one, "b")
    assert values(one) == {("vita_test_total", "a"): 3, ("vita_test_total", "b"): 1}


def test_a_histogram_counts_values() -> None:
    """In the buckets of the catalogue."""
    one = metric("histogram", buckets=(1, 2))
    for value in (0.5, 1.5, 9):
        observe(one, value)
    found = values(one)
    assert [found["vita_test_bucket", bound] for bound in ("1.0", "2.0", "+Inf")] == [1, 2, 3]
    assert found["vita_test_sum",] == 11


def test_a_gauge_shows_what_is() -> None:
    """Values of labels that are gone are gone, so that a partition of another instance is not shown."""
    one, plain = metric("gauge", "partition"), metric("gauge")
    show(one, {("1",): 5, ("2",): 6})
    show(one, {("2",): 7})
    assert values(one) == {("vita_test", "2"): 7}
    show(plain, {(): 3})
    assert values(plain) == {("vita_test",): 3}


def test_phases_are_counted_once_for_all_their_parts() -> None:
    """What ends in an error is not counted."""
    one = metric("histogram", "phase", buckets=(1,))
    phases = Phases(one)
    for _ in range(2):
        with phases.phase("read"):
            pass
    with pytest.raises(RuntimeError), phases.phase("write"):
        raise RuntimeError
    assert values(one) == {}
    phases.end()
    found = values(one)
    assert found["vita_test_count", "read"] == 1
    assert ("vita_test_count", "write") not in found


async def test_a_reading_that_fails_or_hangs_does_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The others are read, within a limit, and none after its `with` block."""
    monkeypatch.setattr(exposition, "READING_SECONDS", 0.01)
    read = []

    async def fails() -> None:
        raise RuntimeError("Ada")

    async def hangs() -> None:
        await asyncio.Event().wait()

    async def works() -> None:
        read.append(1)

    with read_by(fails), read_by(hangs), read_by(works):
        await read_gauges()
    await read_gauges()
    assert read == [1]
