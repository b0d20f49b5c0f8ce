"""Memory for request bodies: whatever one caller does, there is some left for the next one."""

from contextlib import suppress
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from services.runtime.fairness.body_memory import LARGEST_BODIES, BodyMemory
from services.runtime.fairness.shares import OverShare

LIMIT, LARGEST = 6_000, 1_000
CLIENTS: Final = st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"))
STEPS: Final = st.lists(st.tuples(CLIENTS, st.integers(1, 400), st.booleans()), max_size=200)


@given(STEPS)
def test_shares_of_clients_and_tenants_are_limited(steps: list[tuple[tuple[str, str], int, bool]]) -> None:
    """One client never has more than a third, one tenant never more than half, two tenants leave a third, and
    what is given back is free again."""
    room = BodyMemory(LIMIT, LARGEST)
    taken: dict[tuple[str, str], list[int]] = {}
    for who, size, gives_back in steps:
        mine = taken.setdefault(who, [])
        if gives_back and mine:
            room.give_back(*who, mine.pop())
            continue
        with suppress(OverShare):
            room.take(*who, size)
            mine.append(size)
    used = {who: sum(sizes) for who, sizes in taken.items()}
    assert room.free == LIMIT - sum(used.values())
    assert all(size <= LIMIT / 3 for size in used.values())
    for tenant in "ab":
        assert sum(size for who, size in used.items() if who[0] == tenant) <= LIMIT / 2
    assert room.free >= LIMIT / 3
    room.take("quiet", "client", LARGEST)
    for who, sizes in taken.items():
        for size in sizes:
            room.give_back(*who, size)
    room.give_back("quiet", "client", LARGEST)
    assert room.free == LIMIT
    assert not room._tenants
    assert not room._clients


def test_a_client_that_is_alone_can_send_the_largest_body() -> None:
    """However little memory is set, and in pieces of any size."""
    room = BodyMemory(1, LARGEST)
    with room.lease("demo", "abc") as lease:
        for _ in range(LARGEST):
            lease.take(1)
    assert room.free == LARGEST_BODIES * LARGEST
