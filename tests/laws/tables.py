"""The views in memory, as the database would hold them: what the projector writes is what it reads again."""

from collections.abc import Iterable, Sequence
from typing import Any

from projections.profile.row import profile_of
from projections.profile.state import Profile
from schemas.events import Event
from schemas.sealing.keys import SubjectKeys
from services.projector.batch import Outcome, Person, Views, fold_batch
from services.projector.store import people_writes
from services.runtime.postgres.named_queries import load
from tests.facts import on_the_log

Rows = dict[Person, tuple[Any, ...]]

KEYS = SubjectKeys(1, bytes(range(32)), bytes(range(32, 64)))
"""Of everybody: blobs are bound to their person all the same."""
_PROFILE = load("projections.profile")["write_people"]
_SEARCH, _ACTIVITY = (load("projections.search")[name] for name in ("write_search", "write_activity"))
_REMOVE, _ADD = (load("projections.search")[name] for name in ("remove_leaves", "write_leaves"))
_GONE = {load("projections.search")[f"delete_{name}"]: name for name in ("search", "activity", "leaves")}


class Tables:
    """The rows of people, by (tenant, subject)."""

    def __init__(self) -> None:
        self.profile: Rows = {}
        self.search: Rows = {}
        self.activity: Rows = {}
        self.leaves: dict[Person, dict[tuple[str, str], tuple[bool, bool]]] = {}

    def take(self, events: Iterable[Event]) -> Outcome:
        """Folds one batch over the rows there are."""
        batch = on_the_log(events)
        outcome = fold_batch(Views({person: self.read(person) for person in self.profile}), batch)
        tables = {_PROFILE: self.profile, _SEARCH: self.search, _ACTIVITY: self.activity}
        for statement, rows in people_writes(outcome.people, dict.fromkeys(outcome.people, KEYS)):
            for tenant, subject, *row in rows:
                if statement in tables:
                    tables[statement][tenant, subject] = tuple(row)
                elif statement == _REMOVE:
                    del self.leaves[tenant, subject][row[0], row[1]]
                elif statement == _ADD:
                    path, value, *ends = row
                    known = self.leaves.setdefault((tenant, subject), {})
                    assert known.get((path, value)) != (ends[0], ends[1]), "no leaf is written for nothing"
                    known[path, value] = (ends[0], ends[1])
                else:
                    getattr(self, _GONE[statement]).pop((tenant, subject), None)
        return outcome

    def read(self, person: Person) -> Profile:
        """A person as read back from the row."""
        names = ("user_id", "revision", "document", "memory", "secrets", "holdings")
        return profile_of(dict(zip(names, self.profile[person], strict=True)), person, KEYS)

    def rows(self) -> tuple[Any, ...]:
        """Everything, as it can be compared, byte for byte."""
        return self.profile, self.search, self.activity, {who: has for who, has in self.leaves.items() if has}


def folded(batches: Iterable[Sequence[Event]]) -> Tables:
    """The tables after these batches."""
    tables = Tables()
    for batch in batches:
        tables.take(batch)
    return tables
