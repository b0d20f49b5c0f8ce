"""Usernames and passwords that a database connection takes, and what it is known by."""

from typing import Any

import pytest

from services.commands.users.credentials import (
    TOO_WEAK,
    least_characters,
    password_rejection,
    username_rejection,
)
from services.commands.users.sources import (
    identifies_by,
    keeps_edits,
    kind_of,
    never_stored,
    requires_username,
)
from tests.samples.stored_documents import make_connection

FOREIGN = {"enabledDatabaseCustomization": True}


def database(**options: Any) -> Any:
    return make_connection(options=options)


@pytest.mark.parametrize(
    ("options", "least"),
    [
        ({}, 1),
        ({"passwordPolicy": "low"}, 6),
        ({"passwordPolicy": "fair"}, 8),
        ({"passwordPolicy": "good"}, 8),
        ({"passwordPolicy": "excellent"}, 10),
        ({"passwordPolicy": "none"}, 1),
        ({"passwordPolicy": None}, 1),
        ({"passwordPolicy": "low", "password_complexity_options": {"min_length": 12}}, 12),
        (
            {
                "password_complexity_options": {"min_length": 12},
                "password_options": {"complexity": {"min_length": 15}},
            },
            15,
        ),
        ({"password_options": {"complexity": {"min_length": True}}}, 1),
        ({"password_options": {"complexity": {"min_length": 0}}}, 1),
        ({"password_options": "odd"}, 1),
    ],
)
def test_the_shortest_password(options: dict[str, Any], least: int) -> None:
    """The newest setting counts, then the older one, then the policy."""
    known = database(**options)
    assert least_characters(known) == least
    assert password_rejection(known, "x" * least) is None
    assert password_rejection(known, "x" * (least - 1)) is TOO_WEAK


@pytest.mark.parametrize(
    ("options", "least", "most"),
    [
        ({}, 1, 15),
        ({"validation": {"username": {"min": 3, "max": 5}}}, 3, 5),
        ({"attributes": {"username": {"validation": {"min_length": 2, "max_length": 4}}}}, 2, 4),
        ({"validation": {"username": {"min": 3}}}, 3, 15),
    ],
)
def test_the_length_of_a_username(options: dict[str, Any], least: int, most: int) -> None:
    """Usernames of the minimum and the maximum length are accepted."""
    known = database(**options)
    assert username_rejection(known, "x" * least) is None
    assert username_rejection(known, "x" * most) is None
    short, long = username_rejection(known, "x" * (least - 1)), username_rejection(known, "x" * (most + 1))
    assert short is not None
    assert f"too short ({least - 1} chars), minimum {least}" in short.message
    assert long is not None
    assert f"too long ({most + 1} chars), maximum {most}" in long.message


@pytest.mark.parametrize("name", ["a b", "a\n", "jane@x.co", "ä"])
def test_invalid_usernames(name: str) -> None:
    """Other characters, and addresses."""
    assert username_rejection(database(), name) is not None
    assert username_rejection(database(), "j.o-e_!@") is None


@pytest.mark.parametrize(
    ("strategy", "options", "kind"),
    [
        ("auth0", {}, "store"),
        ("auth0", {"enabledDatabaseCustomization": True}, "custom_database"),
        ("auth0", {"enabledDatabaseCustomization": True, "import_mode": True}, "store"),
        ("auth0", {"enabledDatabaseCustomization": "yes"}, "store"),
        ("email", {}, "email"),
        ("sms", {}, "sms"),
        ("samlp", {}, "enterprise"),
        ("google-oauth2", {}, "social"),
    ],
)
def test_where_users_come_from(strategy: str, options: dict[str, Any], kind: str) -> None:
    """A custom database that does not import users stores none."""
    assert kind_of(make_connection(strategy, options=options)) == kind


@pytest.mark.parametrize(
    ("strategy", "options", "keeps"),
    [
        ("auth0", {}, True),
        ("email", {}, True),
        ("samlp", {}, False),
        ("samlp", {"set_user_root_attributes": "on_each_login"}, False),
        ("samlp", {"set_user_root_attributes": "on_first_login"}, True),
        ("samlp", {"set_user_root_attributes": "never_on_login"}, True),
        (
            "auth0",
            {"enabledDatabaseCustomization": True, "set_user_root_attributes": "never_on_login"},
            False,
        ),
    ],
)
def test_where_edits_stay(strategy: str, options: dict[str, Any], keeps: bool) -> None:
    """Unless the provider writes at each login."""
    assert keeps_edits(make_connection(strategy, options=options)) is keeps


def test_what_users_are_known_by() -> None:
    """The attributes of the connection, else its address and, where it requires one, a username."""
    assert identifies_by(database(), "email")
    assert not identifies_by(database(), "username")
    assert not identifies_by(database(requires_username=True), "phone_number")
    assert identifies_by(database(requires_username=True), "username")
    assert not identifies_by(database(requires_username="yes"), "username")
    numbers = database(requires_username=True, attributes={"phone_number": {}})
    assert identifies_by(numbers, "phone_number")
    assert not identifies_by(numbers, "email")
    assert not identifies_by(numbers, "username")
    assert identifies_by(database(attributes={}), "email")


def test_who_must_have_a_username() -> None:
    """Where it is required at sign-up; attributes say so instead of the older option."""
    assert not requires_username(database())
    assert requires_username(database(requires_username=True))
    required = {"username": {"signup": {"status": "required"}}}
    assert requires_username(database(attributes=required))
    optional = {"username": {"signup": {"status": "optional"}}}
    assert not requires_username(database(requires_username=True, attributes=optional))
    assert not requires_username(database(attributes={"username": {"signup": "required"}}))
    assert not requires_username(database(attributes={"username": "required"}))


def test_attributes_that_are_never_stored() -> None:
    """Names in a list."""
    assert never_stored(database(non_persistent_attrs=["a", 1])) == {"a"}
    assert never_stored(database(non_persistent_attrs="a")) == frozenset()
