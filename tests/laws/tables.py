"""The views in memory, as the database would hold them: what the projector writes is what it reads again."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from projections.profile.state import Profile, load_memory
from schemas import exact_json
from schemas.events import Event
from services.projector.batch import Outcome, Person, Views, fold_batch
from services.projector.store import people_writes
from services.runtime.sql import load
from tests.facts import on_the_log

Rows = dict[Person, tuple[Any, ...]]

_PROFILE = load("projections.profile")["write_people"]
_SEARCH, _ACTIVITY = (load("projections.search")[name] for name in ("write_search", "write_activity"))
_GONE = {load("projections.search")[f"delete_{name}"]: name for name in ("search", "activity")}


class Tables:
    """The rows of people, by (tenant, subject)."""

    def __init__(self) -> None:
        self.profile: Rows = {}
        self.search: Rows = {}
        self.activity: Rows = {}

    def take(self, events: Iterable[Event]) -> Outcome:
        """Folds one batch over the rows there are."""
        batch = on_the_log(events)
        outcome = fold_batch(Views({person: self.read(person) for person in self.profile}), batch)
        tables = {_PROFILE: self.profile, _SEARCH: self.search, _ACTIVITY: self.activity}
        for statement, rows in people_writes(outcome.people):
            for tenant, subject, *row in rows:
                if statement in tables:
                    tables[statement][tenant, subject] = tuple(row)
                else:
                    getattr(self, _GONE[statement]).pop((tenant, subject), None)
        return outcome

    def read(self, person: Person) -> Profile:
        """A person as read back from the row."""
        _, revision, document, memory, secrets, holdings = self.profile[person]
        return Profile(
            revision,
            None if document is None else exact_json.loads(document),
            load_memory(memory),
            {} if secrets is None else exact_json.loads(secrets),
            {} if holdings is None else exact_json.loads(holdings),
        )

    def rows(self) -> tuple[Rows, Rows, Rows]:
        """Everything, as it can be compared: jsonb columns by value, the others byte for byte."""
        search = {person: tuple(_jsonb(row)) for person, row in self.search.items()}
        return self.profile, search, self.activity


def folded(batches: Iterable[Sequence[Event]]) -> Tables:
    """The tables after these batches."""
    tables = Tables()
    for batch in batches:
        tables.take(batch)
    return tables


def _jsonb(row: Sequence[Any]) -> Iterator[Any]:
    *plain, identities, user_metadata, app_metadata, extras = row
    yield from plain
    for text in (identities, user_metadata, app_metadata, extras):
        yield text and canonical(exact_json.loads(text))


def canonical(value: Any) -> Any:
    """A JSON value in a form that is equal only where PostgreSQL's jsonb is: the order of members aside."""
    match value:
        case dict():
            return tuple((key, canonical(value[key])) for key in sorted(value))
        case list():
            return [canonical(item) for item in value]
        case _:
            return repr(value)
