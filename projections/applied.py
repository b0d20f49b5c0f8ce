"""Events that took effect or were refused, and the views that follow from them.

Such a view does not decide whether an event counts. An event view needs nothing but the applied events of a
batch; a following view also keeps a state per key.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from projections.fold_view import FoldView, Key, State, WriteBatch
from projections.logged import Logged
from projections.profile.state import Profile
from schemas.events import Event


@dataclass(frozen=True, slots=True)
class Applied:
    """An event that is not a duplicate.

    `before` and `after` are the profile of the person in the event; both are None for events of a tenant or
    of an anonymous subject. `refused` means that the fold refused the event's command, so that it changed
    nothing.
    """

    logged: Logged
    before: Profile | None = None
    after: Profile | None = None
    refused: bool = False

    @property
    def event(self) -> Event:
        """The event itself."""
        return self.logged.event


@dataclass(frozen=True, slots=True)
class EventView:
    """A view whose rows depend only on each applied event, with the profile before and after it.

    `name` is its folder, `tables` are those of its `table.sql`. `writes` returns the statements of a batch,
    in order; the content of the rows must not depend on the split of the log into batches.

    `is_net` says that the rows depend only on the profile before the first and after the last event of a
    person, so that a rebuild writes them once.
    """

    name: str
    tables: tuple[str, ...]
    writes: Callable[[Sequence[Applied]], Sequence[WriteBatch]]
    is_net: bool = False


class FollowingView(FoldView[Key, State]):
    """A view whose states fold events that other views decided on."""

    @abstractmethod
    def followed(self, applied: Applied) -> Key | None:
        """Return the key of the state that an applied event may change, None when there is none."""

    @abstractmethod
    def follow(self, state: State, applied: Applied) -> State:
        """Return the state after an applied event; `state` itself if nothing changes."""
