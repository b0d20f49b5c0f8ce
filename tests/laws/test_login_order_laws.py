"""The order in which a person's logins arrive does not matter: only when they happened does."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from projections.profile.fold import fold
from projections.profile.state import NO_PROFILE, Profile
from schemas.events import (
    AttributesChanged,
    EmailChanged,
    EmailChangedData,
    IdentityLinked,
    IdentityLinkedData,
    LoginSucceeded,
    LoginSucceededData,
    RootPolicy,
    UserCreated,
)
from schemas.formats import exact_json
from tests.laws.events import (
    START,
    SUBJECTS,
    Step,
    attribute_edits,
    attributes,
    creations,
    extras,
    instants,
    sources,
)
from tests.laws.events import logins as any_login

POLICIES: list[RootPolicy] = ["on_each_login", "on_first_login", "never_on_login", "unless_edited"]
EDITED = START + timedelta(hours=2)
MIDDLE = f"2026-11-23T10:30:00.000Z {'0' * 36}"
AFTER = st.integers(1, 5).map(lambda minutes: EDITED + timedelta(minutes=minutes))


@st.composite
def own_logins(
    draw: st.DrawFn, policy: RootPolicy, idp_id: str, times: st.SearchStrategy[datetime] = instants
) -> list[Step]:
    """Logins of one identity, some of them at one instant."""
    made = []
    for time in draw(st.lists(st.one_of(times, st.just(START)), min_size=1, max_size=6)):
        given_now = draw(attributes)
        drawn: LoginSucceededData = draw(any_login())
        changes = {
            "root_policy": policy, "idp_id": idp_id, "attributes": given_now, "extras": draw(extras),
            "sources": draw(sources(given_now)),
        }  # fmt: skip
        made.append(Step(0, LoginSucceeded, drawn.model_copy(update=changes), time))
    return made


def arrived(parts: Sequence[Any]) -> Profile:
    """The person after these events, whose ids do not depend on their order."""
    profile = NO_PROFILE
    for event in parts:
        profile = fold(profile, event)
    return profile


def events_of(steps: Sequence[Step], number: int = 0) -> list[Any]:
    return [step.event(number + at, None) for at, step in enumerate(steps)]


def shown(profile: Profile) -> Any:
    """The whole state of the person in a canonical order, except for the memory of arrivals."""
    memory = profile.memory
    parts = (
        profile.document, profile.secrets, profile.associations,
        memory.provenance, memory.marks, memory.linked,
    )  # fmt: skip
    return [exact_json.loads(exact_json.dumps(_sorted(part))) for part in parts], profile.revision


def _sorted(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in value]
    if hasattr(value, "items"):
        return {name: _sorted(item) for name, item in sorted(value.items())}
    return value


@given(st.data(), st.sampled_from(POLICIES), st.one_of(st.none(), creations()))
def test_any_order_of_logins_gives_the_same_profile(
    data: st.DataObject, policy: RootPolicy, born: Any
) -> None:
    """Document, tokens, accounts and provenance do not depend on the order of logins, for profiles created by
    logins or by the API."""
    events = events_of(data.draw(own_logins(policy, "7")), 10)
    first = []
    if born is not None:
        created = born.model_copy(update={"provider": "oauth2", "idp_id": "7"})
        first = events_of([Step(0, UserCreated, created, START)])
    mixed = data.draw(st.permutations(events))
    assert shown(arrived([*first, *mixed])) == shown(arrived([*first, *sorted(events, key=_key)]))


@given(
    st.data(),
    st.sampled_from(POLICIES),
    attribute_edits(),
    st.sampled_from([None, "new@x.com"]),
    st.booleans(),
)
def test_a_late_login_leaves_edits_alone(
    data: st.DataObject, policy: RootPolicy, edit: Any, email: str | None, verified: bool
) -> None:
    """Logins from before an edit may arrive before or after it, and later ones in any order: the profile is
    equal, and without later logins the edit's values remain."""
    before = events_of(data.draw(own_logins(policy, "7")), 10)
    after = events_of(data.draw(own_logins(policy, "7", AFTER)), 30) if data.draw(st.booleans()) else []
    after = [event for event in after if event.time > EDITED]
    made = edit.model_copy(update={"expected_revision": None, "connection": None})
    address = EmailChangedData(connection=before[0].data.connection, email=email, email_verified=verified)
    edits = events_of([Step(0, AttributesChanged, made, EDITED), Step(0, EmailChanged, address, EDITED)], 50)
    edits[1] = edits[1].model_copy(
        update={"data": address.model_copy(update={"connection": "google-oauth2"})}
    )
    first = before[0].model_copy(
        update={"data": before[0].data.model_copy(update={"connection": "google-oauth2"})}
    )
    before = [first, *(_through(event, "google-oauth2") for event in before[1:])]
    late = data.draw(st.integers(1, len(before)))
    mixed = data.draw(st.permutations([*before[late:], *after]))
    made_late = arrived([*before[:late], *edits, *mixed])
    ordered = sorted(before, key=_key)
    in_order = arrived([*ordered, *edits, *sorted(after, key=_key)])
    assert shown(made_late)[0] == shown(in_order)[0]
    if not after:
        assert made_late.document is not None
        assert {name: made_late.document.get(name) for name in edit.values} == edit.values
        assert not made_late.document.keys() & set(edit.removed)
        assert made_late.document.get("email") == email


@given(st.data(), st.sampled_from(POLICIES))
def test_linked_identities_take_their_logins_in_any_order(data: st.DataObject, policy: RootPolicy) -> None:
    """The profile data of a linked identity and the values that all identities share do not depend on the
    order."""
    primary, *more = events_of(data.draw(own_logins(policy, "7")), 10)
    others = events_of(data.draw(own_logins(policy, "8")), 30)
    linked = IdentityLinkedData(
        secondary=SUBJECTS[1], connection="corp", is_social=False, means="admin", provider="oauth2",
        idp_id="8", profile_data={"name": "Known", "x_1": 1},
        marks=data.draw(st.sampled_from([{}, {"": MIDDLE, "name": MIDDLE}])),
    )  # fmt: skip
    link = events_of([Step(0, IdentityLinked, linked, EDITED)], 50)
    mixed = data.draw(st.permutations([*more, *others]))
    in_order = sorted([*more, *others], key=_key)
    assert shown(arrived([primary, *link, *mixed])) == shown(arrived([primary, *link, *in_order]))


def _through(event: Any, connection: str) -> Any:
    return event.model_copy(update={"data": event.data.model_copy(update={"connection": connection})})


def _key(event: Any) -> tuple[datetime, str]:
    return event.time, event.id
