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
    """An event that is no duplicate.

    `before` and `after` are the profile of the person it is about; both are None for events of a tenant or of
    an anonymous subject. `refused` says that it belongs to a command which the fold refused, so it changed
    nothing.
    """

    logged: Logged
    before: Profile | None = None
    after: Profile | None = None
    refused: bool = False

    @property
    def event(self) -> Event:
        """What happened."""
        return self.logged.event


@dataclass(frozen=True, slots=True)
class EventView:
    """A view whose rows follow from each applied event alone, with the profile before and after it.

    `name` is its folder, `tables` are those of its `table.sql`. `writes` returns the statements that a batch
    comes to, in order; what its rows hold must not depend on how the log is cut into batches.

    `is_net` says that the rows depend only on the profile before the first and after the last event of a
    person, so that a rebuild writes them once.
    """

    name: str
    tables: tuple[str, ...]
    writes: Callable[[Sequence[Applied]], Sequence[WriteBatch]]
    is_net: bool = False


class FollowingView(FoldView[Key, State]):
    """A view whose states fold events that others applied."""

    @abstractmethod
    def followed(self, applied: Applied) -> Key | None:
        """Return the key of the state that an applied event may change, None when there is none."""

    @abstractmethod
    def follow(self, state: State, applied: Applied) -> State:
        """Return the state after an applied event; the same object when the event changes nothing."""
