"""The interface of views that keep a state per key: the affected states are read, folded and written back.

Everything here is pure: a view names its statements, and the caller executes them.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from projections.logged import Logged
from projections.row import Row
from schemas.events import Event
from schemas.formats.identifiers import PERSON, tenant_subject
from schemas.sealing.keys import SubjectKeys

Key = TypeVar("Key", bound=Hashable)
State = TypeVar("State")
Owner = tuple[str, str]
"""(tenant, subject) of a person, or of a tenant itself."""
Keys = Mapping[Owner, SubjectKeys]
"""The keys of the owners of a batch; an owner without keys is absent."""


class Write(NamedTuple):
    """A named query of a package, which takes one array per column, and its rows."""

    package: str
    query: str
    rows: Sequence[Sequence[Any]]


WriteBatch = Sequence[Write]
"""Writes to different rows, which may run in any order or as one statement."""


class Change(NamedTuple, Generic[State]):
    """A state before and after a batch."""

    before: State
    after: State


Verdict = Literal["counts", "refused", "duplicate", "forwarded"]
"""The result of folding an event: it counts, its command is refused, it is a duplicate, or it is forwarded to
another subject."""


class FoldView(ABC, Generic[Key, State]):
    """A view whose rows are states."""

    name: str
    """The folder of the view."""
    tables: tuple[str, ...]
    read: str | None
    """The named query that reads the rows of some keys, with one array per part of a key. None if the rows
    are read together with their owners' keys."""
    absent: State
    """The state of a key that has no row."""
    crosses_subjects = False
    """Whether events of different subjects change one state; otherwise a key belongs to one subject."""

    @abstractmethod
    def touches(self, batch: Sequence[Logged], guarded: Collection[Owner]) -> set[Key]:
        """Return the keys of the states that these events may change. `guarded` are the people with stored
        failed logins; most have none, so nothing is read for them."""

    @abstractmethod
    def states(self, rows: Iterable[Row], keys: Keys) -> dict[Key, State]:
        """Return the states in the rows of the `read` query."""

    @abstractmethod
    def writes(self, changes: Mapping[Key, Change[State]], keys: Keys) -> WriteBatch:
        """Return the statements that write changed states, with secrets sealed with their owners' keys.
        Statements without rows are left out."""


class DecidingView(FoldView[Key, State]):
    """A view whose states determine whether an event counts. At most one such view decides on an event."""

    @abstractmethod
    def decides(self, event_type: str, is_person: bool) -> bool:
        """Return whether this view decides on events of this type; `is_person` is False for events of a
        tenant or an anonymous subject."""

    @abstractmethod
    def key(self, event: Any) -> Key:
        """Return the key of the state that the event changes."""

    @abstractmethod
    def fold(self, state: State, event: Any) -> State:
        """Return the state after the event; `state` itself if nothing changes."""

    @abstractmethod
    def verdict(self, before: State, after: State, event: Any) -> Verdict:
        """Return the verdict on a folded event."""

    def owner(self, event: Event) -> Owner:
        """Return the owner of the values that an event may reserve."""
        return event.tenant, event.subject

    def released(self, before: State, after: State, event: Any) -> Collection[tuple[Owner, str]]:
        """Return the owners and connections (for a setting: kinds) whose earlier reservations end with an
        event that counts. They end for the kinds in `event.reserves`."""
        return ()

    def touches(self, batch: Sequence[Logged], guarded: Collection[Owner]) -> set[Key]:
        """Return the keys of the events that this view decides on."""
        return {
            self.key(one.event) for one in batch if self.decides(one.event.type, is_of_a_person(one.event))
        }


def is_of_a_person(event: Event) -> bool:
    """Return whether the subject of an event is a person, not a tenant or an anonymous subject."""
    return event.subject.startswith(PERSON)


def tenant_keys(keys: Keys, tenant: str) -> SubjectKeys | None:
    """Return the keys of a tenant itself; None if it has none."""
    return keys.get((tenant, tenant_subject(tenant)))


def with_rows(*writes: Write) -> list[Write]:
    """Return the writes that have rows."""
    return [write for write in writes if write.rows]
