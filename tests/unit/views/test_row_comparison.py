"""Rows of a person compared: what is named, and that no value is."""

from services.views.row_comparison import differences

PROFILE = [{"tenant": "demo", "subject": "sub_1", "document": "{}", "revision": 1}]
ROLES = [{"kind": "role", "target": "rol_1", "since": 1}, {"kind": "role", "target": "rol_2", "since": 1}]


def test_equal_rows_differ_in_nothing() -> None:
    """Whatever their order."""
    assert differences({"membership": ROLES}, {"membership": ROLES[::-1]}) == []


def test_columns_and_rows_are_named_once() -> None:
    """A changed column, a missing row and one too many; each name once, sorted."""
    stored = {"profile": [PROFILE[0] | {"document": "x", "revision": 9}], "membership": ROLES}
    fresh = {"profile": PROFILE, "search": [{"user_id": "auth0|1"}], "membership": []}
    assert differences(stored, fresh) == [
        "membership.row", "profile.document", "profile.revision", "search.row",
    ]  # fmt: skip
