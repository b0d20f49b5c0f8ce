"""Edges of a person's fold: how many roles, what a revision changes, which identity an edit is of."""

from typing import Any

import pytest

from projections.profile.changes.access import MOST, assignments_of
from projections.profile.changes.edits import place_of, shown_of
from projections.profile.identities import is_same_identity, profile_data_of, with_identity
from projections.profile.revisions import advance, revise
from projections.profile.state import NO_PROFILE, Profile, dump_memory, load_memory
from schemas.events import (
    PermissionsAssigned,
    PermissionsData,
    PermissionsRemoved,
    RolesAssigned,
    RolesData,
    RolesRemoved,
    SessionRevoked,
    SessionRevokedData,
    UserDeleted,
)
from tests.samples.profile_events import creation, event, flag, login, person


def roles(model: Any, *names: str, minute: int = 0, **changes: Any) -> Any:
    return event(model, RolesData(roles=names, **changes), minute)


def test_fifty_roles_are_the_most() -> None:
    """One more than that is refused as a whole; one that is held already is none more."""
    assert MOST == {"roles": 50, "permissions": 1000}
    fifty = roles(RolesAssigned, *(f"rol_{number}" for number in range(50)))
    full = person([creation(), fifty])
    assert len(assignments_of(full, "roles")) == 50
    one = roles(RolesAssigned, "rol_50")
    assert person([one], full).memory.refused == (one.id,)
    assert person([roles(RolesAssigned, "rol_1")], full).memory.refused == ()


def test_a_role_is_held_since_it_was_first_given() -> None:
    """A role keeps the time and actor of its first assignment; a removed role is gone, and removing an
    unassigned one is allowed."""
    first, again = roles(RolesAssigned, "rol_1", minute=1), roles(RolesAssigned, "rol_1", minute=2)
    given = person([creation(), first, again])
    assert assignments_of(given, "roles") == {
        "rol_1": {"at": "2026-11-23T10:01:00.000Z", "by": "client:admin"}
    }
    left = person([roles(RolesRemoved, "rol_1", "rol_2")], given)
    assert assignments_of(left, "roles") == {}
    assert "roles" not in left.associations
    assert left.revision == given.revision + 1


@pytest.mark.parametrize(("expected", "counts"), [(None, True), (1, True), (0, False), (2, False)])
def test_access_counts_only_on_the_expected_revision(expected: int | None, counts: bool) -> None:
    """An assignment with another expected revision is refused."""
    after = person([creation(), roles(RolesAssigned, "rol_1", expected_revision=expected)])
    assert bool(assignments_of(after, "roles")) is counts


def test_a_missing_user_is_assigned_nothing() -> None:
    """Assignments before the creation and after the deletion of a profile are refused."""
    assert assignments_of(person([roles(RolesAssigned, "rol_1")]), "roles") == {}
    before, late = roles(RolesAssigned, "rol_1"), roles(RolesAssigned, "rol_2")
    gone = person([creation(), before, flag(UserDeleted), late])
    assert gone.associations == {}


def test_permissions_are_apart_from_roles() -> None:
    """Assignments of one kind do not change the other."""
    permission = f"{1:024x}.read"
    data = PermissionsData(permissions=(permission,), names=(("api", "read"),))
    both = person([creation(), roles(RolesAssigned, "rol_1"), event(PermissionsAssigned, data)])
    assert (len(assignments_of(both, "roles")), len(assignments_of(both, "permissions"))) == (1, 1)
    taken = person([event(PermissionsRemoved, PermissionsData(permissions=(permission,)))], both)
    assert (len(assignments_of(taken, "roles")), len(assignments_of(taken, "permissions"))) == (1, 0)


def test_access_that_is_said_to_end_is_a_revision() -> None:
    """A revocation advances the revision of an existing person if the expected revision matches."""
    ended = event(SessionRevoked, SessionRevokedData(every=True))
    start = person([creation()])
    after = person([ended], start)
    assert (after.revision, after.document) == (start.revision + 1, start.document)
    stale = event(SessionRevoked, SessionRevokedData(every=True, expected_revision=7))
    assert person([stale], start).memory.refused == (stale.id,)
    assert person([ended]).memory.refused == (ended.id,)


def test_a_change_is_never_older_than_the_last() -> None:
    """`updated_at` does not go back; empty `app_metadata` is not shown, empty associations are none."""
    later = advance(Profile(1), {"updated_at": "2", "app_metadata": {}}, "1")
    assert (later.revision, later.document) == (2, {"updated_at": "2"})
    assert advance(NO_PROFILE, {"app_metadata": {"a": 1}}, "1").document == {
        "updated_at": "1", "app_metadata": {"a": 1},
    }  # fmt: skip
    kept = revise(Profile(1, associations={"a": [1], "b": [2]}), b=[], c=[3])
    assert kept.associations == {"a": [1], "c": [3]}
    assert revise(Profile(1, associations={"a": [1]}), a=[2]).associations == {"a": [2]}


def identity(connection: str, user_id: Any = "1", provider: str = "auth0", **more: Any) -> dict[str, Any]:
    return {"connection": connection, "user_id": user_id, "provider": provider, **more}


def test_which_identity_an_edit_is_of() -> None:
    """The first identity of the connection, the primary one if none is named, None if no identity has it."""
    second = identity("b", "2", profileData={"name": "B"})
    document = {"name": "J", "identities": [identity("a"), second, identity("b", "3")]}
    assert [place_of(document, name) for name in (None, "a", "b", "c")] == [0, 0, 1, None]
    assert shown_of(document, 0) is document
    assert shown_of(document, 1) == {"name": "B"}
    assert shown_of(document, 2) == {}


def test_identities_differ_by_provider_and_id() -> None:
    """A number and its text are one; the connection does not matter."""
    one = identity("a", 1)
    assert is_same_identity(one, identity("b", "1"))
    assert not is_same_identity(one, identity("a", 2))
    assert not is_same_identity(one, identity("a", 1, "other"))


def test_an_identity_is_shown_as_it_was_seen_last() -> None:
    """With `keep_entry` only its profile data changes; another one is appended."""
    first, second = identity("a"), identity("b", "2", profileData={"x": 1})
    seen = identity("c", "2", profileData={"x": 2})
    assert with_identity([first], second) == [first, second]
    assert with_identity([first, second], seen) == [first, seen]
    assert with_identity([first, second], seen, keep_entry=True) == [
        first,
        {**second, "profileData": {"x": 2}},
    ]
    known = [first, second]
    assert with_identity(known, dict(second)) is known
    assert profile_data_of(known, seen) == {"x": 1}
    assert profile_data_of(known, identity("a")) == {}
    assert profile_data_of([], seen) == {}


def test_a_memory_is_read_back() -> None:
    """Every part of it; empty ones are not written."""
    memory = person([login(sourceposition="1/0/5"), flag(UserDeleted), flag(UserDeleted), login()]).memory
    assert load_memory(dump_memory(memory)) == memory
    assert dump_memory(NO_PROFILE.memory) == b"{}"
    assert load_memory("{}") == NO_PROFILE.memory
