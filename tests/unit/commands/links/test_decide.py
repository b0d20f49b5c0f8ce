"""Linking decided: who may be linked, whose an identity is, and what parting gives back."""

from typing import Any

import pytest

from projections.profile.state import Profile
from schemas.events import (
    EmailChanged,
    EmailChangedData,
    IdentityLinked,
    IdentityUnlinked,
    UserDeleted,
    UserMerged,
    UserRestored,
)
from services.commands.links import decide
from services.commands.links.decide import Participant
from services.commands.user_rejections import NO_SUCH_USER
from tests.samples.profile_events import creation, event, login, person

ONE, TWO, THREE = (f"sub_{number:032x}" for number in (1, 2, 3))


def signed_in(subject: str, idp_id: str, minute: int = 0, **changes: Any) -> Any:
    return login(minute, subject=subject, idp_id=idp_id, **changes)


def participant(subject: str, idp_id: str, *more: Any, **changes: Any) -> Participant:
    return Participant(subject, person([signed_in(subject, idp_id, **changes), *more]))


def applied(steps: decide.Steps, *participants: Participant) -> list[Participant]:
    """The participants after the steps, all of one command."""
    people = {one.subject: one.profile for one in participants}
    command = event(UserMerged, {"into": ONE}).id
    for subject, draft in steps.events:
        made = event(draft.event, draft.data, 9, subject=subject, causationid=command)
        people[subject] = person([made], people[subject])
    return [Participant(one.subject, people[one.subject]) for one in participants]


def linked() -> list[Participant]:
    one, two = (
        participant(ONE, "1"),
        participant(TWO, "2", attributes={"name": "Two", "nickname": "t"}, extras={"a": 1}),
    )
    return applied(decide.link(one, two, "admin"), one, two)


def test_who_may_be_linked() -> None:
    """Two different people can be linked if the second has one identity and is not linked."""
    one, two = participant(ONE, "1"), participant(TWO, "2")
    assert decide.link_rejection(one, two) is None
    assert decide.link_rejection(None, two) is NO_SUCH_USER
    assert decide.link_rejection(Participant(ONE, Profile()), two) is NO_SUCH_USER
    assert decide.link_rejection(one, None) is decide.NOT_FOUND
    assert decide.link_rejection(one, Participant(TWO, Profile())) is decide.NOT_FOUND
    assert decide.link_rejection(one, one) is decide.SAME_IDENTITY
    assert decide.link_rejection(one, participant(TWO, "1")) is decide.IDENTITY_EXISTS
    after, merged = linked()
    assert decide.link_rejection(participant(THREE, "3"), merged) is decide.IDENTITY_EXISTS
    assert decide.link_rejection(participant(THREE, "3"), after) is decide.UNABLE


def test_a_link_is_two_events_and_a_way_back() -> None:
    """The primary takes the identity first."""
    steps = decide.link(participant(ONE, "1"), participant(TWO, "2", tokens={"access_token": "t"}), "admin")
    assert [(subject, draft.event) for subject, draft in steps.events] == [
        (ONE, IdentityLinked), (TWO, UserMerged),
    ]  # fmt: skip
    data: Any = steps.events[0][1].data
    assert (data.secondary, data.idp_id, data.tokens) == (TWO, "2", {"access_token": "t"})
    assert data.profile_data["name"] == "Jane Doe"
    assert steps.undo is not None
    assert (steps.undo[0], steps.undo[1].event) == (ONE, IdentityUnlinked)


def test_whose_a_linked_identity_is() -> None:
    """The primary identity cannot be unlinked, and an identity of another user is not found."""
    one, _ = linked()
    assert decide.linked_subject(one.profile, "google-oauth2", "2") == TWO
    assert decide.linked_subject(one.profile, "google-oauth2", "1") is decide.MAIN_STAYS
    assert decide.linked_subject(one.profile, "google-oauth2", "3") is decide.NO_SUCH_IDENTITY
    assert decide.linked_subject(Profile(), "google-oauth2", "2") is NO_SUCH_USER
    assert decide.shows(one.profile, "google-oauth2", "2")
    assert not decide.shows(one.profile, "google-oauth2", "3")
    assert not decide.shows(Profile(), "google-oauth2", "1")


def test_parting_gives_back_what_changed_since() -> None:
    """Values that differ and leftovers that are gone; the identity's own subject comes first."""
    one, two = linked()
    later = signed_in(ONE, "2", 20, sourceposition="relay-1/0/1", attributes={"name": "New"}, extras={"b": 2})
    one = Participant(ONE, person([later], one.profile))
    steps = decide.unlink(one, two, "google-oauth2", "2")
    assert [(subject, draft.event) for subject, draft in steps.events] == [
        (TWO, UserRestored), (ONE, IdentityUnlinked),
    ]  # fmt: skip
    back: Any = steps.events[0][1].data
    assert (back.parted_from, back.values, back.removed) == (ONE, {"name": "New", "b": 2}, ("a",))
    assert back.marks["a"] == back.marks[""] == back.marks["name"]
    assert back.tokens is None
    assert steps.undo is None


def test_parting_gives_back_nothing_where_nothing_changed() -> None:
    """The stored profile is restored without changes."""
    steps = decide.unlink(*linked(), "google-oauth2", "2")
    back: Any = steps.events[0][1].data
    assert (back.values, back.removed) == ({}, ())


@pytest.mark.parametrize("known", [True, False])
def test_linked_people_go_together(known: bool) -> None:
    """Those who are known go first, and every deletion says with whom."""
    one, _ = linked()
    steps = decide.delete(one, [TWO] if known else [])
    assert [subject for subject, _ in steps.events] == ([TWO, ONE] if known else [ONE])
    assert {draft.event for _, draft in steps.events} == {UserDeleted}
    assert {draft.data.model_dump()["together_with"] for _, draft in steps.events} == {ONE}
    (alone,) = decide.delete(participant(THREE, "3"), []).events
    assert alone[1].data.model_dump()["together_with"] is None


def test_identities_with_their_profile_data() -> None:
    """The primary identity's data has the values from claims and edits; a user without values has none."""
    one, _ = linked()
    main, other = decide.identities_with_data(one.profile)
    assert next(iter(main)) == next(iter(other)) == "profileData"
    assert main["profileData"]["name"] == "Jane Doe"
    assert other["profileData"] == {"name": "Two", "nickname": "t", "a": 1}
    assert decide.identities_with_data(Profile()) == []
    assert decide.own_profile_data(Profile()) == {}


def test_an_edit_of_a_linked_identity_is_newer_than_the_link() -> None:
    """Its mark replaces that of the login which gave the value before."""
    one = person([creation(subject=ONE)])
    two = participant(TWO, "2", connection="second")
    (after, _) = applied(decide.link(Participant(ONE, one), two, "admin"), Participant(ONE, one), two)
    data = EmailChangedData(connection="second", email="new@example.com", email_verified=False)
    edited = person([event(EmailChanged, data, 30)], after.profile)
    marks = edited.memory.linked["google-oauth2|2"]
    assert marks["email"].startswith("2026-11-23T10:30")
    assert marks["name"].startswith("2026-11-23T10:00")
