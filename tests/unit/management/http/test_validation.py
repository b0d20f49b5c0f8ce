"""Bodies and queries against their models, and the words for what is wrong."""

from typing import Any

import pytest
from pydantic import BaseModel

from schemas.formats.email import is_email
from services.management.connections.models import CreateConnection, UpdateConnection
from services.management.http.errors import error_response
from services.management.http.models.fields import FORBIDDEN_APP_METADATA
from services.management.http.validation import InputPart, validate
from services.management.users.models import CreateUser, ListUsers, UpdateUser, UsersByEmail
from services.runtime.rejection import Rejected

PAYLOAD = "Payload validation error: "
QUERY = "Query validation error: "


def message(model: type[BaseModel], value: Any, part: InputPart = "Payload") -> str:
    with pytest.raises(Rejected) as refused:
        validate(model, value, part)
    refusal = error_response(refused.value.rejection)
    assert refusal.status == 400
    assert refusal.error_code == ("invalid_body" if part == "Payload" else "invalid_query_string")
    return refusal.message


@pytest.mark.parametrize(
    ("model", "value", "expected"),
    [
        (CreateUser, {}, "'Missing required property: connection'."),
        (CreateUser, {"connection": "c", "zz": 1}, "'Additional properties not allowed: zz'."),
        (CreateUser, {"connection": 7, "zz": 1}, "'Additional properties not allowed: zz'."),
        (CreateUser, [], "'Expected type object but found type array'."),
        (CreateUser, None, "'Expected type object but found type null'."),
        (UpdateUser, {}, "'Too few properties defined (0), minimum 1'."),
        (UpdateConnection, {}, "'Too few properties defined (0), minimum 1'."),
        (
            CreateUser,
            {"connection": "c", "email": "x"},
            "'Object didn't pass validation for format email: x' on property email (The user's email).",
        ),
        (
            CreateUser,
            {"connection": "c", "email": None},
            "'Expected type string but found type null' on property email (The user's email).",
        ),
        (
            CreateUser,
            {"connection": "c", "email_verified": "true"},
            "'Expected type boolean but found type string' on property email_verified (Whether this email"
            " address is verified (true) or unverified (false)).",
        ),
        (
            CreateUser,
            {"connection": "c", "phone_number": "12"},
            "'String does not match pattern ^\\+[0-9]{1,15}$: 12' on property phone_number (The user's phone"
            " number (following the E.164 recommendation)).",
        ),
        (
            UpdateUser,
            {"name": "x" * 301},
            "'String is too long (301 chars), maximum 300' on property name (Name of this user).",
        ),
        (
            UpdateUser,
            {"given_name": ""},
            "'String is too short (0 chars), minimum 1' on property given_name (Given name/first"
            " name/forename of this user).",
        ),
        (
            UpdateUser,
            {"picture": "nope"},
            "'Object didn't pass validation for format strict-uri: nope' on property picture (URL to picture,"
            " photo, or avatar of this user).",
        ),
        (
            CreateConnection,
            {"name": "n", "strategy": "zz"},
            "'No enum match for: zz' on property strategy (The identity provider of the connection).",
        ),
    ],
)
def test_a_wrong_body_is_described_in_the_documented_form(model: Any, value: Any, expected: str) -> None:
    """Reason, property and description; what concerns the object as a whole comes first."""
    assert message(model, value) == PAYLOAD + expected


@pytest.mark.parametrize(
    ("model", "value", "expected"),
    [
        (ListUsers, {"zz": "1"}, "'Additional properties not allowed: zz'."),
        (
            ListUsers,
            {"page": "-1"},
            "'Value -1 is less than minimum 0' on property page (Page index of the results to return."
            " First page is 0).",
        ),
        (
            ListUsers,
            {"per_page": "101"},
            "'Value 101 is greater than maximum 100' on property per_page (Number of results per page).",
        ),
        (
            ListUsers,
            {"per_page": "1e3"},
            "'Expected type integer but found type string' on property per_page (Number of results per"
            " page).",
        ),
        (
            UsersByEmail,
            {"email": "x"},
            "'Object didn't pass validation for format email: x' on property email (Email address to search"
            " for (case-sensitive)).",
        ),
        (UsersByEmail, {}, "'Missing required property: email'."),
    ],
)
def test_a_wrong_query_is_described_likewise(model: Any, value: Any, expected: str) -> None:
    """Parameters are text, read strictly."""
    assert message(model, value, "Query") == QUERY + expected


@pytest.mark.parametrize("key", sorted(FORBIDDEN_APP_METADATA))
def test_app_metadata_cannot_shadow_root_attributes(key: str) -> None:
    """Each forbidden key is named; user_metadata may have it."""
    assert f"Additional properties not allowed: {key}" in message(UpdateUser, {"app_metadata": {key: 1}})
    validate(UpdateUser, {"user_metadata": {key: 1}})


@pytest.mark.parametrize("metadata", [{"a.b": 1}, {"a": {"$b": 1}}, {"a": [{"b": {"c.d": None}}]}])
@pytest.mark.parametrize("name", ["user_metadata", "app_metadata"])
def test_metadata_keys_hold_no_dots_or_dollars(name: str, metadata: dict[str, Any]) -> None:
    """At any depth, also inside arrays."""
    assert f"on property {name}" in message(UpdateUser, {name: metadata})


def test_long_values_are_not_echoed_whole() -> None:
    """An answer stays small whatever was sent."""
    assert len(message(CreateUser, {"connection": "c", "email": "x" * 100_000})) < 400


@pytest.mark.parametrize(
    "address", ["a@b.co", "a.b+c@sub.example.com", "x" * 64 + "@b.co", "ü@exämple.de", "o'neil@example.co.uk"]
)
def test_addresses(address: str) -> None:
    """What people have for addresses is one."""
    assert is_email(address)


@pytest.mark.parametrize(
    "address",
    ["", "a", "a@b", "@b.co", "a@", "a b@c.de", "a@b..co", ".a@b.co", "a@-b.co", "x" * 65 + "@b.co",
     "a@" + "b" * 251 + ".co",
     "a@b@c.de", "a@b.co\n", "a\x00@b.co", '"a"@b.co'],
)  # fmt: skip
def test_no_addresses(address: str) -> None:
    """Too long, without a domain, with blanks or control characters."""
    assert not is_email(address)
