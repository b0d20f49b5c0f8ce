"""The interface of views that keep a state per key: what a batch touches is read, folded and written back.

Everything here is pure: a view names its statements, and the caller runs them.
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
"""The keys of the owners that a batch is about; an owner without any is absent."""


class Write(NamedTuple):
    """A named query of a package, which takes one array per column, and its rows."""

    package: str
    query: str
    rows: Sequence[Sequence[Any]]


WriteBatch = Sequence[Write]
"""Writes that touch different rows: they may run in any order, or as one statement."""


class Change(NamedTuple, Generic[State]):
    """A state before and after a batch."""

    before: State
    after: State


Verdict = Literal["counts", "refused", "duplicate", "forwarded"]
"""What becomes of an event: it takes effect; its command is refused; it was applied before; or another
subject takes it."""


class FoldView(ABC, Generic[Key, State]):
    """A view whose rows are states."""

    name: str
    """The folder of the view."""
    tables: tuple[str, ...]
    read: str | None
    """The named query that reads the rows of some keys; it takes one array per part of a key. None for rows
    that are read together with their owners' keys."""
    absent: State
    """The state of a key that has no row."""
    crosses_subjects = False
    """Whether events of different subjects change one state; otherwise a key belongs to one subject."""

    @abstractmethod
    def touches(self, batch: Sequence[Logged], guarded: Collection[Owner]) -> set[Key]:
        """Return the keys of the states that these events may change. `guarded` are the people against whom
        failed logins are stored; most have none, so that nothing has to be read for them."""

    @abstractmethod
    def states(self, rows: Iterable[Row], keys: Keys) -> dict[Key, State]:
        """Return the states in the rows that `read` found."""

    @abstractmethod
    def writes(self, changes: Mapping[Key, Change[State]], keys: Keys) -> WriteBatch:
        """Return the statements that put changed states in place, secrets sealed with their owners' keys.
        Those without rows are left out."""


class DecidingView(FoldView[Key, State]):
    """A view whose states say whether an event counts. Each event is decided by one such view at most."""

    @abstractmethod
    def decides(self, event_type: str, is_person: bool) -> bool:
        """Return whether events of this type are this view's; `is_person` is False for those of a tenant or
        an anonymous subject."""

    @abstractmethod
    def key(self, event: Any) -> Key:
        """Return the key of the state that an event of this view is about."""

    @abstractmethod
    def fold(self, state: State, event: Any) -> State:
        """Return the state after the event; the same object when the event changes nothing."""

    @abstractmethod
    def verdict(self, before: State, after: State, event: Any) -> Verdict:
        """Return what became of an event that was folded."""

    def owner(self, event: Event) -> Owner:
        """Return whose values an event may reserve."""
        return event.tenant, event.subject

    def released(self, before: State, after: State, event: Any) -> Collection[tuple[Owner, str]]:
        """Return whose earlier reservations end with an event that counts, and in which connection (for a
        setting: of which kind). They end for the kinds in `event.reserves`."""
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
    """Return the keys of a tenant itself, None when it has none."""
    return keys.get((tenant, tenant_subject(tenant)))


def with_rows(*writes: Write) -> list[Write]:
    """Return those writes that have rows."""
    return [write for write in writes if write.rows]
