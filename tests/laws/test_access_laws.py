"""The laws of what people have: roles, permissions, organizations, and the lists that lead back to them."""

from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from projections.batch.fold import Folded, fold_batch
from projections.batch.views import Views
from projections.membership.rows import KINDS, changes
from projections.profile.changes.access import MOST, assignments_of
from projections.profile.fold import fold
from projections.profile.state import NO_PROFILE, Profile
from projections.profile.view import PROFILE
from schemas.events import LoginSucceeded, OrganizationLeft, PermissionsRemoved, RolesRemoved, UserDeleted
from tests.laws.events import ACCESS, SUBJECTS, TENANT, Step, histories, instants, logins, placed, steps
from tests.laws.tables import Tables
from tests.samples.profile_events import on_the_log

Memberships = dict[Any, str]


@st.composite
def access_histories(draw: st.DrawFn, people: int = 2) -> list[Any]:
    """People who sign in once, and then mostly gain and lose what they have."""
    first = [Step(person, LoginSucceeded, draw(logins(person)), draw(instants)) for person in range(people)]
    models = st.sampled_from(tuple(ACCESS))
    given_and_taken = st.builds(
        lambda person, model, data, time: Step(person, model, data[model], time),
        st.integers(0, people - 1),
        models,
        st.fixed_dictionaries(ACCESS),
        instants,
    )
    rest = draw(st.lists(st.one_of(given_and_taken, given_and_taken, steps(people)), max_size=12))
    return placed([*first, *rest])


def listed(batches: Iterable[list[Any]]) -> tuple[Memberships, Folded]:
    """The lists after these batches, as the statements leave them, and the last outcome."""
    rows: Memberships = {}
    views, outcome = Views(), fold_batch(Views(), ())
    for batch in batches:
        outcome = fold_batch(views, on_the_log(batch))
        views = outcome.now
        for place, since in changes(outcome.applied).items():
            rows.pop(place, None)
            if since is not None:
                rows[place] = since
    return rows, outcome


def had(people: dict[Any, Profile]) -> Memberships:
    """The expected lists, computed from the people."""
    return {
        (tenant, kind, target, subject): mark["at"]
        for (tenant, subject), person in people.items()
        for name, kind in KINDS.items()
        for target, mark in assignments_of(person, name).items()
    }


@given(access_histories(), st.integers(0, 14))
def test_lists_lead_back_to_exactly_those_who_have_it(stream: list[Any], cut: int) -> None:
    """For any split into batches, each list has its current members and the start of their memberships;
    deleted people are on no list."""
    rows, outcome = listed([stream[:cut], stream[cut:]])
    assert rows == had(outcome.now.of(PROFILE)) == listed([stream])[0]


@given(access_histories(people=1))
def test_repeated_assignments_and_removals_change_nothing(stream: list[Any]) -> None:
    """A repeated command changes neither assignments nor their times; a refused one changes nothing."""
    person = NO_PROFILE
    for event in stream:
        after = fold(person, event)
        if type(event) in ACCESS and after.revision > person.revision:
            again = event.model_copy(
                update={"id": event.id[:-1] + "f", "causationid": None, "data": _whenever(event)}
            )
            assert fold(after, again).associations == after.associations
        elif type(event) in ACCESS:
            assert (after.document, after.associations) == (person.document, person.associations)
        person = after


@given(access_histories(people=1))
def test_limits_hold_and_deletion_removes_everything(stream: list[Any]) -> None:
    """The fold keeps the caps whatever was accepted at once; deletion ends everything."""
    person = NO_PROFILE
    for event in stream:
        after = fold(person, event)
        assert all(len(assignments_of(after, kind)) <= most for kind, most in MOST.items())
        if type(event) in (RolesRemoved, PermissionsRemoved, OrganizationLeft) and after is not person:
            assert after.associations.keys() <= person.associations.keys()
        if isinstance(event, UserDeleted) and after.document is None:
            assert after.associations == {}
        person = after


@given(st.lists(access_histories(people=1), min_size=1, max_size=1), st.integers(0, 14))
def test_members_are_found_by_their_organizations(streams: list[list[Any]], cut: int) -> None:
    """Searches know exactly the organizations of an existing person."""
    tables = Tables()
    for batch in (streams[0][:cut], streams[0][cut:]):
        tables.take(batch)
    key = TENANT, SUBJECTS[0]
    person = tables.read(key) if key in tables.profile else NO_PROFILE
    found = {value for path, value in tables.leaves.get(key, {}) if path == "organization_id"}
    assert found == {f"s{name}" for name in assignments_of(person, "organizations")}


@given(histories(people=2))
def test_what_people_have_moves_nothing_they_show(stream: list[Any]) -> None:
    """Roles, permissions and organizations leave the document byte for byte as it was."""
    people: dict[str, Profile] = {}
    for event in stream:
        before = people.get(event.subject, NO_PROFILE)
        after = people[event.subject] = fold(before, event)
        if type(event) in ACCESS:
            assert after.document is before.document


def _whenever(event: Any) -> Any:
    return event.data.model_copy(update={"expected_revision": None})
