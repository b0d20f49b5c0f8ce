"""Checkpoints of histories."""

from projections.profile.state import NO_PROFILE, Profile
from services.queries.user_history.checkpoints import KEPT_SECONDS, PEOPLE, PLACES, Checkpoints, spacing

ME = "demo", "sub_1"


def test_the_nearest_state_before_is_given() -> None:
    """Never a later one, never another person's; from nothing where there is none."""
    kept = Checkpoints(lambda: 0.0)
    for number in (10, 30):
        kept.keep(ME, number, Profile(number))
    assert kept.before(ME, 9) == (0, NO_PROFILE)
    assert kept.before(ME, 10) == (10, Profile(10))
    assert kept.before(ME, 29) == (10, Profile(10))
    assert kept.before(ME, 99) == (30, Profile(30))
    assert kept.before(("other", "sub_1"), 99) == (0, NO_PROFILE)


def test_nothing_is_kept_for_long() -> None:
    """A minute after a person's first checkpoint all of them are forgotten."""
    now = 0.0
    kept = Checkpoints(lambda: now)
    kept.keep(ME, 10, Profile(10))
    now = KEPT_SECONDS - 1
    kept.keep(ME, 20, Profile(20))
    assert kept.before(ME, 20)[0] == 20
    now = KEPT_SECONDS
    assert kept.before(ME, 20) == (0, NO_PROFILE)


def test_memory_is_bounded() -> None:
    """However many people and places there are."""
    kept = Checkpoints(lambda: 0.0)
    for number in range(3 * PLACES):
        kept.keep(ME, number, Profile(number))
    assert kept.before(ME, PLACES) == (0, NO_PROFILE)
    for number in range(PEOPLE):
        kept.keep(("demo", f"sub_x{number}"), 1, Profile(1))
    assert kept.before(ME, 3 * PLACES) == (0, NO_PROFILE)
    assert all(length // spacing(length) < PLACES for length in (10, 1000, 10_000, 1_000_000))
