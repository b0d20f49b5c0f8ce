"""POST /users to the letter: every refusal with its exact body, and what is unique where."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.samples.error_bodies import error_body, invalid_body
from tests.worlds.management import DATABASE_CONNECTION, Site, new_user
from tests.worlds.resources import create_user

USERS = "/api/v2/users"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(site: Site) -> Site:
    """A site for this file with a connection of every kind; one of them cannot be used."""
    await site.add_connection("named", "auth0", requires_username=True, passwordPolicy="good")
    await site.add_connection("old-users", "auth0", requires_username=True, passwordPolicy="none")
    await site.add_connection("foreign", "auth0", enabledDatabaseCustomization=True, import_mode=False)
    for strategy in ("email", "sms", "google-oauth2", "samlp"):
        await site.add_connection(strategy, strategy)
    made = await site.add_connection("closed", "auth0", passwordPolicy="none")
    closed = await site.client().patch(
        f"/api/v2/connections/{made['id']}", json={"authentication": {"active": False}}
    )
    assert closed.status_code == 200
    return site


CREATIONS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("no connection", {"email": "a@b.co"}, invalid_body("Missing required property: connection")),
    (
        "unknown connection",
        new_user(connection="nope"),
        error_body(400, "Connection does not exist.", "inexistent_connection"),
    ),
    ("closed connection", new_user(connection="closed"), error_body(400, "Connection is disabled.")),
    *(
        (
            f"{name} users are not made here",
            {"connection": name, "email": "a@b.co"},
            error_body(
                400,
                "Connection does not support user creation through the API."
                " It must either be a database or passwordless connection.",
                "operation_not_supported",
            ),
        )
        for name in ("google-oauth2", "samlp", "foreign")
    ),
    (
        "username where there are none",
        new_user(username="u"),
        error_body(400, "Cannot set username for connection without requires_username."),
    ),
    (
        "password too weak",
        new_user(connection="named", username="u", password="short"),
        error_body(400, "PasswordStrengthError: Password is too weak"),
    ),
    (
        "no password",
        {"connection": DATABASE_CONNECTION, "email": "a@b.co"},
        invalid_body("Missing required property: password"),
    ),
    (
        "no email",
        {"connection": DATABASE_CONNECTION, "password": "x"},
        invalid_body("Missing required property: email"),
    ),
    ("no number", {"connection": "sms"}, invalid_body("Missing required property: phone_number")),
    (
        "passwordless with a password",
        {"connection": "email", "email": "a@b.co", "password": "x"},
        invalid_body("Additional properties not allowed: password"),
    ),
    (
        "username like an email",
        new_user(connection="named", username="a@b.co"),
        invalid_body(
            "Object didn't pass validation for format username: a@b.co", "username", "The user's username"
        ),
    ),
    (
        "username with blanks",
        new_user(connection="named", username="a b"),
        invalid_body(
            "String does not match pattern ^[A-Za-z0-9@^$.!`\\-#+'~_]+$: a b",
            "username",
            "The user's username",
        ),
    ),
    (
        "username too long",
        new_user(connection="named", username="a" * 16),
        invalid_body("String is too long (16 chars), maximum 15", "username", "The user's username"),
    ),
    (
        "user_id with blanks",
        new_user(user_id="a b"),
        invalid_body(
            "String does not match pattern ^\\S*$: a b",
            "user_id",
            "The external user's id provided by the identity provider",
        ),
    ),
    (
        "user_id too long",
        new_user(user_id="a" * 256),
        invalid_body(
            "String is too long (256 chars), maximum 255",
            "user_id",
            "The external user's id provided by the identity provider",
        ),
    ),
    (
        "no email at all",
        new_user(email="not an email"),
        invalid_body(
            "Object didn't pass validation for format email: not an email", "email", "The user's email"
        ),
    ),
    (
        "null email",
        new_user(email=None),
        invalid_body("Expected type string but found type null", "email", "The user's email"),
    ),
    (
        "number without plus",
        {"connection": "sms", "phone_number": "0123"},
        invalid_body(
            "String does not match pattern ^\\+[0-9]{1,15}$: 0123",
            "phone_number",
            "The user's phone number (following the E.164 recommendation)",
        ),
    ),
    (
        "forbidden app_metadata",
        new_user(app_metadata={"user_id": "x", "plan": "gold", "_id": 1}),
        invalid_body(
            "Additional properties not allowed: _id,user_id",
            "app_metadata",
            "User metadata to which this user has read-only access",
        ),
    ),
    (
        "dotted metadata",
        new_user(user_metadata={"a": {"b.c": 1}}),
        invalid_body(
            "Property names may not contain '.' or '$'",
            "user_metadata",
            "User metadata to which this user has read/write access",
        ),
    ),
    ("surprises", new_user(shoe_size=42), invalid_body("Additional properties not allowed: shoe_size")),
]


@pytest.mark.parametrize(
    ("body", "expected"), [case[1:] for case in CREATIONS], ids=[case[0] for case in CREATIONS]
)
async def test_refused_creations(
    api: httpx.AsyncClient, body: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Each refusal has exactly the documented text."""
    answer = await api.post(USERS, json=body)
    assert (answer.status_code, answer.json()) == (expected["statusCode"], expected)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"email": "same@example.com"}, {"email": "SAME@Example.com"}),
        (
            {"connection": "named", "email": "u1@example.com", "username": "Same"},
            {"connection": "named", "email": "u2@example.com", "username": "sAME"},
        ),
        (
            {"email": "i1@example.com", "user_id": "Same-id"},
            {"email": "i2@example.com", "user_id": "Same-id"},
        ),
    ],
    ids=["email", "username", "user_id"],
)
async def test_unique_values_of_a_connection(
    api: httpx.AsyncClient, first: dict[str, Any], second: dict[str, Any]
) -> None:
    """409 with one message for every kind of value; databases ignore case."""
    await create_user(api, **first)
    answer = await api.post(USERS, json=new_user(**second))
    assert answer.json() == error_body(409, "The user already exists.", "auth0_idp_error")


async def test_values_are_free_in_another_connection(api: httpx.AsyncClient) -> None:
    """An address and a username can be used again in another connection; ids are unique per provider."""
    for name in ("named", "old-users"):
        user = await create_user(api, connection=name, email="both@example.com", username="both")
        assert user["identities"][0]["connection"] == name


async def test_many_creations_of_one_moment_share_a_statement_but_no_fate(api: httpx.AsyncClient) -> None:
    """Of concurrent creations with one address one succeeds; all other concurrent creations succeed."""
    wanted = [f"crowd-{n % 30}@example.com" for n in range(40)]
    answers = await asyncio.gather(
        *(api.post(USERS, json={"connection": "email", "email": address}) for address in wanted)
    )
    assert Counter(answer.status_code for answer in answers) == {201: 30, 409: 10}
    assert {answer.json()["email"] for answer in answers if answer.status_code == 201} == set(wanted)
    found = await api.get("/api/v2/users", params={"q": "email:crowd-*", "per_page": 100})
    assert sorted(user["email"] for user in found.json()) == sorted(set(wanted))
