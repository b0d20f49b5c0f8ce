"""Reverting decided: what differs from the past, and the edits that bring it back."""

from typing import Any

import pytest

from services.commands.undo.revert import changes_back, edits_back, is_revertible

PAST = {
    "user_id": "auth0|1", "name": "Jane", "email": "jane@x.com", "email_verified": True, "username": "jane",
    "user_metadata": {"a": 1, "b": {"c": 2}}, "logins_count": 3, "locale": "de",
}  # fmt: skip


def values(past: dict[str, Any], present: dict[str, Any], *only: str) -> list[dict[str, Any]]:
    return [dict(edit.values) for edit in edits_back(changes_back(past, present, only))]


def test_what_is_the_same_is_not_edited() -> None:
    """Neither are attributes that admins cannot edit."""
    assert changes_back(PAST, PAST | {"logins_count": 9, "locale": "fr", "blocked": False}) == []


def test_every_editable_attribute_comes_back() -> None:
    """What was removed is set, what is new is removed, metadata by its first level."""
    present = {
        "name": "Eve", "nickname": "eve", "email": "eve@x.com", "email_verified": False, "username": "jane",
        "user_metadata": {"b": {"c": 3}, "d": 4}, "app_metadata": {"plan": "gold"}, "blocked": True,
    }  # fmt: skip
    assert values(PAST, present) == [
        {
            "name": "Jane", "nickname": None, "email": "jane@x.com", "email_verified": True, "blocked": False,
            "user_metadata": {"a": 1, "b": {"c": 2}, "d": None}, "app_metadata": {"plan": None},
        }
    ]  # fmt: skip


def test_what_cannot_be_edited_together_is_edited_apart() -> None:
    """The username follows the address."""
    assert values(PAST, PAST | {"email": "e@x.com", "username": "eve"}) == [
        {"email": "jane@x.com"}, {"username": "jane"},
    ]  # fmt: skip


def test_an_address_that_was_absent_is_removed_with_its_flag() -> None:
    """No edit says that an address is verified which it removes."""
    present = PAST | {"phone_number": "+491", "phone_verified": True}
    assert values(PAST, present) == [{"phone_number": None}]


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        (("name",), [{"name": "Jane"}]),
        (("user_metadata.a",), [{"user_metadata": {"a": 1}}]),
        (("user_metadata",), [{"user_metadata": {"a": 1, "b": {"c": 2}}}]),
        (("nickname",), []),
    ],
)
def test_only_what_is_named(only: tuple[str, ...], expected: list[dict[str, Any]]) -> None:
    """An attribute, a key of metadata, or all of it."""
    assert values(PAST, PAST | {"name": "Eve", "user_metadata": {}}, *only) == expected


def test_what_can_be_named() -> None:
    """Editable attributes and keys of metadata."""
    assert all(map(is_revertible, ("email", "blocked", "app_metadata", "app_metadata.a.b")))
    assert not any(map(is_revertible, ("user_id", "logins_count", "app_metadata.", "name.x", "password")))
