"""Permissions as data: numbers are never reused, the number is limited, and each has its sources."""

from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.commands.access.capacity import (
    AssignmentPlan,
    permission_assignment_events,
    plan_assignment,
    role_assignment_events,
)
from services.commands.access.permissions import numbered
from services.management.resource_servers.models import Scope
from services.management.roles.members import _about
from services.queries.permissions import PermissionCatalogue, RoleWithPermissions, with_sources

API_ID = f"{7:024x}"
scope_lists = st.lists(st.sampled_from("abcd").map(lambda name: Scope(value=name)), max_size=4)
names = st.sets(st.sampled_from("abcdefgh"))


def api(*scopes: str, api_id: str = API_ID, identifier: str = "urn:api") -> dict[str, Any]:
    found = numbered([Scope(value=scope) for scope in scopes], {})
    return {"id": api_id, "identifier": identifier, "name": "API", **found}


@given(st.lists(scope_lists, max_size=6))
def test_a_permission_keeps_its_number_and_no_other_ever_gets_it(history: list[list[Scope]]) -> None:
    """Through any changes of an API; a scope named twice counts once."""
    state: dict[str, Any] = {}
    lives: dict[int, tuple[str, int]] = {}
    for turn, scopes in enumerate(history):
        before = {scope["value"]: scope["number"] for scope in state.get("scopes", ())}
        state = numbered(scopes, state)
        assert [scope["value"] for scope in state["scopes"]] == list(
            dict.fromkeys(one.value for one in scopes)
        )
        for scope in state["scopes"]:
            name, number = scope["value"], scope["number"]
            if name in before:
                assert number == before[name]
            else:
                assert number not in lives
                lives[number] = name, turn


@given(names, names, st.lists(st.sampled_from("abcdefgh"), min_size=1), st.integers(0, 8))
def test_only_deleted_permissions_make_room(
    held: set[str], living: set[str], asked: list[str], most: int
) -> None:
    """Assigned permissions fit, are new and count once; deleted ones are dropped only when necessary,
    existing ones never."""
    has = {name: {"at": "", "by": ""} for name in sorted(held)}
    plan = plan_assignment(has, living, asked, most)
    new = {*asked} - held
    if plan is None:
        assert new
        assert len(held & living) + len(new) > most
        return
    assert {*plan.added} == new
    assert len(plan.added) == len(new)
    assert not {*plan.removed} & living
    after = (held - {*plan.removed}) | new
    assert not new or len(after) <= most
    assert bool(plan.removed) <= (len(held) + len(new) > most)


def test_nothing_new_is_no_event() -> None:
    """Neither for roles nor for permissions; what is dead goes before what is new comes."""
    assert (
        role_assignment_events(AssignmentPlan((), ()))
        == permission_assignment_events(AssignmentPlan((), ()), {})
        == []
    )
    types = [draft.event.__name__ for draft in role_assignment_events(AssignmentPlan(("rol_2",), ("rol_1",)))]
    assert types == ["RolesRemoved", "RolesAssigned"]
    given_and_taken = permission_assignment_events(
        AssignmentPlan((f"{API_ID}.2",), (f"{API_ID}.1",)), {f"{API_ID}.2": ("urn", "b")}
    )
    assert [draft.event.__name__ for draft in given_and_taken] == [
        "PermissionsRemoved",
        "PermissionsAssigned",
    ]


def test_sources_are_direct_first_then_roles() -> None:
    """Each permission is listed once, sorted by name; deleted ones are left out."""
    known = PermissionCatalogue([api("b", "a"), api("a", api_id=f"{8:024x}", identifier="urn:other")])
    reader = RoleWithPermissions("rol_r", "Reader", (f"{API_ID}.1", f"{API_ID}.9"))
    found = with_sources(known, [f"{API_ID}.2", f"{API_ID}.1"], [reader])
    assert [
        (one.name, [(each["source_type"], each["source_id"]) for each in sources]) for one, sources in found
    ] == [("a", [("DIRECT", "")]), ("b", [("DIRECT", ""), ("ROLE", "rol_r")])]


def test_an_event_of_many_tells_of_one_person_only() -> None:
    """The request in a person's event contains no id of another person."""

    @dataclass
    class Asked:
        sent: Any
        pending: Any = "a request"

    call: Any = Asked({"users": ["auth0|a", "auth0|b"]})
    about = _about(call, "auth0|b")
    assert (about.sent, about.pending) == ({"users": ["auth0|b"]}, None)


def test_deleted_permissions_stay_while_there_is_room() -> None:
    """Up to the very last place, and where nothing is given."""
    held = {"dead": {}, "alive": {}}
    assert plan_assignment(held, {"alive"}, ["new"], 3) == AssignmentPlan(("new",), ())
    assert plan_assignment(held, {"alive"}, ["new"], 2) == AssignmentPlan(("new",), ("dead",))
    assert plan_assignment(held, {"alive"}, ["new"], 1) is None
    assert plan_assignment(held, {"alive"}, ["alive"], 1) == AssignmentPlan((), ())
