"""`fold_batch(views, batch)` folds events into all views at once. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from projections.applied import Applied, FollowingView
from projections.batch.effects import Effects
from projections.batch.reservations import Reservations
from projections.batch.views import Views
from projections.fold_view import Change, DecidingView, FoldView, Key, State, is_of_a_person
from projections.logged import Logged
from projections.profile.changes.links import merged_into
from projections.profile.view import PROFILE
from projections.registry import DECIDING_VIEWS, FOLLOWING_VIEWS
from projections.session.revocations import revocations
from schemas.events import CommandData


@dataclass(frozen=True, slots=True)
class Folded:
    """The states before and after a batch, and its events without duplicates, in order."""

    before: Views
    now: Views
    applied: tuple[Applied, ...]

    def changes(self, view: FoldView[Key, State]) -> dict[Key, Change[State]]:
        """Return the states of a view that the batch changed."""
        old, absent = self.before.of(view), view.absent
        return {
            key: Change(before, after)
            for key, after in self.now.of(view).items()
            if after is not (before := old.get(key, absent))
        }


def fold_batch(views: Views, batch: Iterable[Logged], effects: Effects | None = None) -> Folded:
    """Return the result of folding a batch into the views, which are not modified. Effects outside of the
    views are added to `effects`, except those of replayed events; None discards them."""
    now = views.copy()
    following = [(view, now.of(view)) for view in FOLLOWING_VIEWS]
    applied: list[Applied] = []
    for logged in batch:
        one = _decided(now, logged, None if logged.replayed else effects)
        if one is None:
            continue
        for view, states in following:
            _follow(view, states, one)
        applied.append(one)
        if effects is not None and not logged.replayed:
            _settle(effects.reservations, one)
    if effects is not None:
        effects.revocations.extend(revocations(applied))
    return Folded(views, now, tuple(applied))


def _decided(now: Views, logged: Logged, effects: Effects | None) -> Applied | None:
    """Fold an event into the view that decides on it; None if the event has no effect here."""
    event = logged.event
    view = _deciding(event.type, is_of_a_person(event))
    if view is None:
        return Applied(logged)
    states, key = now.of(view), view.key(event)
    before = states.get(key, view.absent)
    after = states[key] = view.fold(before, event)
    verdict = view.verdict(before, after, event)
    if verdict == "duplicate":
        return None
    if verdict == "forwarded":
        if effects is not None and (target := merged_into(before)) is not None:
            effects.relays.append((logged, target))
        return None
    if effects is not None and verdict == "counts" and event.reserves:
        ended = view.released(before, after, event)
        effects.reservations.release(event, view.owner(event), ended)
    refused = verdict == "refused"
    return Applied(logged, before, after, refused) if view is PROFILE else Applied(logged, refused=refused)


def _settle(reservations: Reservations, one: Applied) -> None:
    """Confirm or drop the reservations of an event. Every event of a command does so, because the request's
    idempotency result may be its only reservation."""
    if isinstance(one.event.data, CommandData):
        (reservations.dropped if one.refused else reservations.confirmed).append(one.event.id)


def _follow(view: FollowingView[Key, State], states: dict[Key, State], applied: Applied) -> None:
    key = view.followed(applied)
    if key is not None:
        before = states.get(key, view.absent)
        after = view.follow(before, applied)
        if after is not before:
            states[key] = after


@cache
def _deciding(event_type: str, is_person: bool) -> DecidingView[Any, Any] | None:
    """Return the view that decides on events of this type; None for types without state."""
    return next((view for view in DECIDING_VIEWS if view.decides(event_type, is_person)), None)
