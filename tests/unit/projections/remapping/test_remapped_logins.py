"""One login mapped again, and what differs between two profiles."""

from typing import Any

import pytest

from projections.normalization import ConnectionSettings
from projections.normalization.defaults import GRAVATAR
from projections.profile.fold import fold
from projections.profile.state import NO_PROFILE
from projections.remapping.comparison import ABSENT, changed_attributes, masked, origins_differ
from projections.remapping.configurations import MappingSettings
from projections.remapping.logins import remap_login
from tests.samples.profile_events import login

CLAIMS = {"sub": "117", "name": "Jane", "full": "Jane Doe", "email": "jane@example.com"}


def settings(**options: Any) -> MappingSettings:
    return MappingSettings(ConnectionSettings("google-oauth2", "google-oauth2", options), GRAVATAR)


def test_a_changed_mapping_changes_the_login() -> None:
    """Attributes, leftovers and sources are those of the mapping; everything else of the event stays."""
    event = remap_login(login(claims=CLAIMS), settings()).event
    changed = remap_login(event, settings(fieldsMap={"name": "full"}))
    assert changed.outcome == "changed"
    assert changed.event.data.attributes["name"] == "Jane Doe"
    assert changed.event.data.sources["name"] == "full"
    same = {"attributes", "extras", "sources"}
    assert changed.event.data.model_dump(exclude=same) == event.data.model_dump(exclude=same)
    assert changed.event.id == event.id


@pytest.mark.parametrize(
    ("kept", "options", "outcome"),
    [
        ({}, {}, "not_kept"),
        ({"claims_omitted": "too_large"}, {}, "too_large"),
        ({"claims": CLAIMS}, {"fieldsMap": {"x": ["a"] * 501}}, "unmappable"),
    ],
)
def test_a_login_that_cannot_be_mapped_again_stays(kept: Any, options: Any, outcome: str) -> None:
    """The event is the same, and the outcome says why."""
    event = login(**kept)
    remapped = remap_login(event, settings(**options))
    assert (remapped.event, remapped.outcome) == (event, outcome)


def test_a_mapping_that_leads_to_another_identity_is_noticed() -> None:
    """The login keeps the identity that it has."""
    remapped = remap_login(login(claims=CLAIMS), settings(fieldsMap={"user_id": "email"}))
    assert remapped.leads_elsewhere
    assert remapped.event.data.idp_id == "117"


def test_differences_are_exact() -> None:
    """Values that Python takes for one another differ; what only one document has is ABSENT in the other."""
    before = fold(NO_PROFILE, login(id="0190a1b2-c3d4-7e5f-8a9b-000000000001", extras={"n": 1, "a": "x"}))
    after = fold(NO_PROFILE, login(id="0190a1b2-c3d4-7e5f-8a9b-000000000001", extras={"n": True, "b": "y"}))
    assert changed_attributes(before, after) == {"a": ("x", ABSENT), "b": (ABSENT, "y"), "n": (1, True)}
    assert changed_attributes(before, before) == {}
    assert not origins_differ(before, before)


def test_origins_may_differ_alone() -> None:
    """The same value from another claim is no difference of the profile."""
    before = fold(NO_PROFILE, login(sources={"name": "name"}))
    after = fold(NO_PROFILE, login(sources={"name": "full"}))
    assert origins_differ(before, after)


def test_a_masked_value_shows_kind_and_size() -> None:
    """Nothing of a text, a number or what lies inside."""
    values = ["Jane", 7, 1.5, ["Jane"], {"a": "Jane"}, True, None]
    assert [masked(value) for value in values] == [
        "text of 4 characters", "number", "number", "list of 1 items", "object of 1 members", True, None,
    ]  # fmt: skip
    assert masked(ABSENT) is ABSENT
