"""The random sample of people."""

from hypothesis import given
from hypothesis import strategies as st

from services.rebuild.what_if.sample import Sample

keys = st.lists(st.binary(min_size=1, max_size=6))


def sampled(offered: list[bytes], most: int) -> frozenset[bytes]:
    sample = Sample(most)
    for key in offered:
        sample.offer(key)
    return sample.keys


@given(keys, st.integers(1, 8), st.randoms())
def test_a_sample_depends_on_the_keys_alone(offered: list[bytes], most: int, random: st.DataObject) -> None:
    """It has as many keys as it may, each once, whatever the order and however often a key is offered."""
    shuffled = [*offered, *offered]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    found = sampled(offered, most)
    assert sampled(shuffled, most) == found
    assert len(found) == min(most, len(set(offered)))
    assert found <= set(offered)


def test_no_part_of_the_keys_is_preferred() -> None:
    """Of a thousand consecutive keys, a sample of a hundred takes some from every tenth."""
    offered = [f"demo/sub_{number:032x}".encode() for number in range(1000)]
    found = sampled(offered, 100)
    counts = [len(found & set(offered[first : first + 100])) for first in range(0, 1000, 100)]
    assert min(counts) > 0
