"""A user's profile at a past moment, and the reasons for its values."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from projections.history.explanation import Explainer
from projections.history.moment import Moment
from projections.profile.state import NO_PROFILE, Profile
from schemas.formats.positions import Position
from services.queries.user_history.person_log import PersonLog
from services.runtime.rejection import Rejected, Rejection, invalid, unavailable, violation

NOT_CERTAIN: Final = unavailable(
    "The audit trail is too far behind the event log to tell. Please try again.", "trail_lagging"
)
_AHEAD: Final = timedelta(seconds=60)
"""How far the clock of a caller may be ahead."""
_FORM: Final = "a time such as 2026-11-23T10:00:00Z, or a position of the event log"


class PastProfile(NamedTuple):
    """A profile at a moment. `position` is that of the last event before the moment, None before the
    first."""

    profile: Profile
    position: Position | None


def moment_of(text: str, now: datetime) -> Moment:
    """Return the moment that a caller names. Raises Rejected (invalid) for another text, and for a time in
    the future."""
    try:
        moment = Moment.parse(text)
    except ValueError:
        raise Rejected(_refused(f"Not {_FORM}")) from None
    if moment.time is not None and moment.time > now + _AHEAD:
        raise Rejected(_refused("The time is in the future"))
    return moment


async def profile_at(log: PersonLog, moment: Moment) -> PastProfile:
    """Return the profile of a user at a moment.

    Raises Rejected (invalid) for a position that is not on the user's part of the log or beyond its end,
    Rejected (unavailable) when events before the moment may be missing, and Transient.
    """
    _check(log, moment)
    profile, position = NO_PROFILE, None
    async for _, step in log.steps():
        if moment.is_before(step.logged):
            return PastProfile(profile, position)
        profile, position = step.after, step.logged.position
    _check_certain(log, moment)
    return PastProfile(profile, position)


async def explained_at(log: PersonLog, moment: Moment | None) -> Explainer:
    """Return the explanation of a user's values at a moment, now if it is None. Raises as `profile_at`."""
    explainer = Explainer()
    if moment is not None:
        _check(log, moment)
    async for _, step in log.steps():
        if moment is not None and moment.is_before(step.logged):
            return explainer
        explainer.take(step)
    _check_certain(log, moment or Moment())
    return explainer


def _check(log: PersonLog, moment: Moment) -> None:
    place, index = moment.position, log.index
    if place is None:
        return
    if place.partition != index.partition:
        raise Rejected(_refused(f"The user's events are in partition {index.partition} of the event log"))
    if place.offset >= index.reaches and index.is_whole:
        raise Rejected(_refused("The position is beyond the end of the event log"))


def _check_certain(log: PersonLog, moment: Moment) -> None:
    known = moment.position is not None and moment.position.offset < log.index.reaches
    if not log.index.is_whole and not known:
        raise Rejected(NOT_CERTAIN)


def _refused(reason: str) -> Rejection:
    return invalid(violation("Query", reason, "as_of"), "invalid_query_string")
