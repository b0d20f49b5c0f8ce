"""Steps of a person's history: one event, with the profile before and after it. Pure."""

from dataclasses import dataclass
from typing import cast

from projections.fold_view import Verdict, is_of_a_person
from projections.logged import Logged
from projections.profile.state import Profile
from projections.profile.view import PROFILE
from schemas.events import PersonEvent


@dataclass(frozen=True, slots=True)
class HistoryStep:
    """An event of a person, the profile before and after it, and what became of the event."""

    logged: Logged
    before: Profile
    after: Profile
    verdict: Verdict

    @property
    def event(self) -> PersonEvent:
        """What happened."""
        return cast("PersonEvent", self.logged.event)


def is_personal(logged: Logged) -> bool:
    """Return whether an event belongs to a person's history: it is of a type that profiles decide on."""
    return PROFILE.decides(logged.event.type, is_of_a_person(logged.event))


def step(profile: Profile, logged: Logged) -> HistoryStep:
    """Return what an event that `is_personal` makes of the profile."""
    event = cast("PersonEvent", logged.event)
    after = PROFILE.fold(profile, event)
    return HistoryStep(logged, profile, after, PROFILE.verdict(profile, after, event))
