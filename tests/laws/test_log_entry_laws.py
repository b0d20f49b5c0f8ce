"""The laws of log entries and of counts: every event that counts has an entry, and the split of the log into
batches does not matter."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from projections.applied import Applied
from projections.batch.fold import fold_batch
from projections.batch.views import Views
from projections.daily.rows import Counts, Day, days
from projections.log_entry.entries import entries
from projections.log_entry.entry import Entry
from projections.logged import Logged
from projections.population.rows import PopulationKey, differences
from projections.profile.view import PROFILE
from schemas.events import LoginFailed, LoginSucceeded, UserCreated
from schemas.formats import exact_json
from tests.laws.any_event import any_events
from tests.laws.events import histories
from tests.samples.profile_events import on_the_log


def applied(batches: Sequence[Sequence[Logged]]) -> list[list[Applied]]:
    """What counted of each batch, one after the other."""
    views, found = Views(), []
    for batch in batches:
        outcome = fold_batch(views, batch)
        views.take(outcome.now)
        found.append(list(outcome.applied))
    return found


@st.composite
def cut(draw: st.DrawFn) -> list[list[Logged]]:
    """A log of some people, cut anywhere."""
    log = on_the_log(draw(histories(people=3)))
    places = sorted(draw(st.sets(st.integers(0, len(log)), max_size=4)))
    return [log[start:end] for start, end in zip([0, *places], [*places, len(log)], strict=True)]


def entries_of(run: Sequence[Applied]) -> list[Entry]:
    return [entry for one in run for entry in entries(one)]


def summed(runs: Sequence[Sequence[Applied]]) -> dict[Day, Counts]:
    """The rows as the table adds them up."""
    found: dict[Day, Counts] = {}
    for run in runs:
        for day, new in days(run).items():
            old = found.get(day, Counts(0, 0, 0, new.first, new.last))
            found[day] = Counts(
                old.logins + new.logins,
                old.signups + new.signups,
                old.leaked_passwords + new.leaked_passwords,
                min(old.first, new.first),
                max(old.last, new.last),
            )
    return found


@given(cut())
def test_any_split_gives_the_same_entries(batches: list[list[Logged]]) -> None:
    """The entries of a log, and the counts of its days, are those of the whole."""
    (whole,) = applied([[one for batch in batches for one in batch]])
    parts = applied(batches)
    assert [entry for part in parts for entry in entries_of(part)] == entries_of(whole)
    assert summed(parts) == days(whole)


@given(cut())
def test_the_number_of_people_is_how_many_live(batches: list[list[Logged]]) -> None:
    """However the log is cut, the differences add up to those who have a document in the end."""
    views, added = Views(), Counter[PopulationKey]()
    for batch in batches:
        outcome = fold_batch(views, batch)
        views.take(outcome.now)
        added.update(differences(outcome.applied))
    living = [person for person, profile in views.of(PROFILE).items() if profile.document is not None]
    assert added.total() == len(living)


@given(cut())
def test_ids_are_in_the_order_of_the_log(batches: list[list[Logged]]) -> None:
    """Each id has 56 digits and is greater than the previous one."""
    ids = [entry.log_id for part in applied(batches) for entry in entries_of(part)]
    assert ids == sorted(set(ids))
    assert all(len(one) == 56 and one.isdecimal() for one in ids)


@given(cut())
def test_accepted_events_have_entries_and_rejected_ones_do_not(batches: list[list[Logged]]) -> None:
    """Every login has one entry; a command has one with its first event at least; a refused one has none."""
    for one in (one for part in applied(batches) for one in part):
        found = [entry.type for entry in entries(one)]
        if one.refused:
            assert not found
        elif isinstance(one.event, LoginSucceeded | LoginFailed):
            assert len(found) == 1
        elif one.event.causationid is None:
            assert found[0] == "sapi"


@given(cut())
def test_days_count_what_the_views_show(batches: list[list[Logged]]) -> None:
    """Logins are those that counted, signups the people who came into being."""
    (whole,) = applied([[one for batch in batches for one in batch]])
    kinds = Counter(type(one.event) for one in whole)
    counted = days(whole).values()
    assert sum(day.logins for day in counted) == kinds[LoginSucceeded]
    made = [
        one
        for one in whole
        if isinstance(one.event, LoginSucceeded | UserCreated)
        and one.before
        and one.after
        and not one.before.document
        and one.after.document
    ]
    assert sum(day.signups for day in counted) == len(made)


@given(any_events())
def test_every_kind_of_event_has_entries_the_table_can_hold(event: Any) -> None:
    """Whatever happens gives rows of text, with JSON where JSON is due."""
    for one in fold_batch(Views(), on_the_log([event])).applied:
        for entry in entries(one):
            texts = (value for name, value in entry._asdict().items() if name != "date")
            assert all(text is None or isinstance(text, str) for text in texts)
            for text in (entry.details, entry.more):
                assert text is None or isinstance(exact_json.loads(text), dict)
