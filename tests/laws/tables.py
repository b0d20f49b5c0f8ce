"""The views in memory, as the database would hold them: what the projector writes is what it reads again."""

from collections.abc import Iterable, Sequence
from typing import Any

from projections.batch.fold import Folded, fold_batch
from projections.batch.views import Views
from projections.profile.row import profile_of
from projections.profile.sealed import UserKey
from projections.profile.state import Profile
from projections.profile.view import PROFILE
from projections.search.view import search_writes
from schemas.events import Event
from schemas.sealing.keys import SubjectKeys
from tests.samples.profile_events import on_the_log

Rows = dict[UserKey, tuple[Any, ...]]

KEYS = SubjectKeys(1, bytes(range(32)), bytes(range(32, 64)))
"""The keys of all people; blobs are bound to their person nevertheless."""


class Tables:
    """The rows of people, by (tenant, subject)."""

    def __init__(self) -> None:
        self.profile: Rows = {}
        self.search: Rows = {}
        self.activity: Rows = {}
        self.leaves: dict[UserKey, dict[tuple[str, str], tuple[bool, bool]]] = {}

    def take(self, events: Iterable[Event]) -> Folded:
        """Folds one batch over the rows there are."""
        batch = on_the_log(events)
        outcome = fold_batch(Views({PROFILE: {person: self.read(person) for person in self.profile}}), batch)
        tables = {
            "write_people": self.profile,
            "write_search": self.search,
            "write_activity": self.activity,
        }
        changes = outcome.changes(PROFILE)
        profiles = PROFILE.writes(changes, dict.fromkeys(changes, KEYS))
        for _, query, rows in (*profiles, *search_writes(changes)):
            for tenant, subject, *row in rows:
                if query in tables:
                    tables[query][tenant, subject] = tuple(row)
                elif query == "remove_leaves":
                    del self.leaves[tenant, subject][row[0], row[1]]
                elif query == "write_leaves":
                    path, value, *ends = row
                    known = self.leaves.setdefault((tenant, subject), {})
                    assert known.get((path, value)) != (ends[0], ends[1]), "no leaf is written for nothing"
                    known[path, value] = (ends[0], ends[1])
                else:
                    getattr(self, query.removeprefix("delete_")).pop((tenant, subject), None)
        return outcome

    def read(self, person: UserKey) -> Profile:
        """A person as read back from the row."""
        names = ("user_id", "revision", "document", "memory", "secrets", "associations")
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
