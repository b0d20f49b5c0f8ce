"""Profiles at some places of the histories that are being paged through, so that a page is not folded from
the first event.

They hold personal data in the clear and are kept in memory only, for a minute at most. A page is answered
from them only after the user's keys have been read: an erased user has no history.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from projections.profile.state import NO_PROFILE, Profile

KEPT_SECONDS: Final = 60.0
PEOPLE: Final = 16
PLACES: Final = 32
"""Checkpoints of a person; the one that was made first goes when there are more."""
SPACING: Final = 250
"""Events between two checkpoints, at least."""
Owner = tuple[str, str]
"""The tenant and the subject."""


@dataclass(slots=True)
class _Kept:
    until: float
    profiles: OrderedDict[int, Profile] = field(default_factory=OrderedDict)


class Checkpoints:
    """States before an event, by person and offset of the event on the log. `clock` gives seconds that only
    grow."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock
        self._people: OrderedDict[Owner, _Kept] = OrderedDict()
        self._sweep: asyncio.TimerHandle | None = None

    def before(self, owner: Owner, offset: int) -> tuple[int, Profile]:
        """Return the highest offset up to this one whose state is kept, and the profile before it; 0 and no
        profile if none is."""
        self._drop_old()
        kept = self._people.get(owner)
        if kept is None:
            return 0, NO_PROFILE
        found = max((one for one in kept.profiles if one <= offset), default=0)
        return found, kept.profiles.get(found, NO_PROFILE)

    def keep(self, owner: Owner, offset: int, profile: Profile) -> None:
        """Keep the profile before the event at this offset."""
        self._drop_old()
        kept = self._people.get(owner)
        if kept is None:
            kept = self._people[owner] = _Kept(self._now() + KEPT_SECONDS)
        kept.profiles[offset] = profile
        while len(kept.profiles) > PLACES:
            kept.profiles.popitem(last=False)
        while len(self._people) > PEOPLE:
            self._people.popitem(last=False)
        if self._clock is None and self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(KEPT_SECONDS, self._sweep_now)

    def close(self) -> None:
        """Forget everything."""
        self._people.clear()
        if self._sweep is not None:
            self._sweep.cancel()

    def _sweep_now(self) -> None:
        self._sweep = None
        self._drop_old()
        if self._people:
            self._sweep = asyncio.get_running_loop().call_later(KEPT_SECONDS, self._sweep_now)

    def _drop_old(self) -> None:
        now = self._now()
        for owner in [owner for owner, kept in self._people.items() if kept.until <= now]:
            del self._people[owner]

    def _now(self) -> float:
        return asyncio.get_running_loop().time() if self._clock is None else self._clock()


def spacing(events: int) -> int:
    """Return how many events lie between two checkpoints of a history of this length."""
    return max(SPACING, events // (PLACES - 4))
