"""The part of a partition that is folded in memory and written once. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeVar
from zlib import crc32

from projections.applied import Applied
from projections.batch.fold import fold_batch
from projections.batch.views import Views
from projections.fold_view import Change, FoldView, Keys, Owner, Write
from projections.logged import Logged
from projections.profile.state import NO_PROFILE
from projections.registry import EVENT_VIEWS, FOLD_VIEWS

AT_ONCE: Final = 2000
"""States that become rows together."""
RUNNING_VIEWS: Final = tuple(view for view in EVENT_VIEWS if not view.is_net)
NET_VIEWS: Final = tuple(view for view in EVENT_VIEWS if view.is_net)
CROSSING_VIEWS: Final = tuple(view for view in FOLD_VIEWS if view.crosses_subjects)
T = TypeVar("T")


def bucket_of(key: bytes, buckets: int) -> int:
    """Return the bucket of a subject, by the key of its records. It must be independent of the partition,
    which is another remainder of the same hash."""
    return crc32(key, 0x9E3779B9) // 7919 % buckets


class Stretch:
    """All events of some subjects of a partition, folded in the order of the log."""

    def __init__(self) -> None:
        self._views = Views()
        self._last: dict[Owner, Applied] = {}

    def known(self, view: FoldView[Any, Any]) -> dict[Any, Any]:
        """Return the states of a view; what is added there is what later events start from."""
        return self._views.of(view)

    def take(self, batch: Sequence[Logged]) -> list[Write]:
        """Fold events, and return the writes of views whose rows follow from single events, in order."""
        folded = fold_batch(self._views, batch)
        self._views = folded.now
        for one in folded.applied:
            if one.after is not None:
                self._last[one.event.tenant, one.event.subject] = one
        return [write for view in RUNNING_VIEWS for stage in view.writes(folded.applied) for write in stage]

    def finish(self, keys: Keys) -> Iterator[Write]:
        """Return the writes of all states, and of the views that depend on a person's last state only."""
        for view in FOLD_VIEWS:
            for states in _chunks(self._views.of(view).items()):
                changes = {
                    key: Change(view.absent, state) for key, state in states if state is not view.absent
                }
                yield from view.writes(changes, keys)
        for people in _chunks(self._last.values()):
            net = [Applied(one.logged, NO_PROFILE, one.after) for one in people]
            for event_view in NET_VIEWS:
                for stage in event_view.writes(net):
                    yield from stage


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while chunk := list(islice(rest, AT_ONCE)):
        yield chunk
