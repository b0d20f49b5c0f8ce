"""Values no client should send about people who are there: each is refused by name and changes nothing; what
is odd but allowed comes back exactly as it was sent."""

from collections.abc import Mapping
from typing import Any, Final

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.profile.changes.metadata import merged
from services.management.users.models import CreateUser, UpdateUser
from tests.worlds.management import Site, new_user, path_of

USERS: Final = "/api/v2/users"
JSON: Final = {"content-type": "application/json"}
SAMPLES: Final[Mapping[str, Any]] = {
    "null": None, "boolean": True, "integer": 7, "number": 1.5, "string": "x", "array": ["x"],
    "object": {"a": 1},
}  # fmt: skip
TEXTS: Final = (
    "name", "nickname", "given_name", "family_name", "email", "username", "password", "connection", "picture",
    "phone_number",
)  # fmt: skip


async def victim(api: httpx.AsyncClient) -> str:
    """A user who has values of every kind."""
    body = new_user(
        email="victim@example.com", user_id="victim", name="Victim", blocked=False,
        user_metadata={"a": {"b": 1}}, app_metadata={"plan": "gold"},
    )  # fmt: skip
    assert (await api.post(USERS, json=body)).status_code in (201, 409)
    return path_of("auth0|victim")


async def everything(api: httpx.AsyncClient) -> bytes:
    return (await api.get(USERS, params={"sort": "user_id:1"})).content


def wrong_kinds(model: type[Any], name: str) -> list[str]:
    """The kinds of JSON that a property does not take."""
    schema = model.model_json_schema()["properties"][name]
    taken = {part["type"] for part in schema.get("anyOf", [schema])}
    return [kind for kind in SAMPLES if kind not in taken and not (kind == "integer" and "number" in taken)]


WRONG: Final = [
    (method, name, kind)
    for method, model in (("POST", CreateUser), ("PATCH", UpdateUser))
    for name in model.model_fields
    for kind in wrong_kinds(model, name)
]


async def test_every_property_refuses_other_kinds(api: httpx.AsyncClient) -> None:
    """400 `invalid_body` that names property, what was expected and what came; for every one of them."""
    path = await victim(api)
    before, wrong = await everything(api), []
    for method, name, kind in WRONG:
        body = {**({} if method == "PATCH" else new_user(user_id="new")), name: SAMPLES[kind]}
        answer = await api.request(method, path if method == "PATCH" else USERS, json=body)
        said = f"but found type {kind}' on property {name}"
        if (
            answer.status_code != 400
            or answer.json()["errorCode"] != "invalid_body"
            or said not in answer.text
        ):
            wrong.append((method, name, kind, answer.text))
    assert wrong == []
    assert await everything(api) == before


REFUSED: Final[list[tuple[str, bytes]]] = [
    (f"{name}: {what}", orjson.dumps({name: value}))
    for name in TEXTS
    for what, value in (("empty", ""), ("10,000 characters", "x" * 10_000))
    if (name, what) not in (("password", "10,000 characters"), ("connection", "10,000 characters"))
] + [
    ("NUL in a value", b'{"name":"a\\u0000"}'),
    ("NUL deep in metadata", b'{"user_metadata":{"a":[{"b":"\\u0000"}]}}'),
    ("NUL in a key", b'{"user_metadata":{"a":{"\\u0000":1}}}'),
    ("lone surrogate in a value", b'{"name":"\\ud800"}'),
    ("lone surrogate in a key", b'{"user_metadata":{"\\udfff":1}}'),
    ("1,000 levels", b'{"user_metadata":{"a":' + b"[" * 1000 + b"]" * 1000 + b"}}"),
    ("65 levels", b'{"user_metadata":' + b'{"a":' * 64 + b"1" + b"}" * 65),
    ("beyond any double", b'{"user_metadata":{"n":1e999}}'),
    ("not a number", b'{"user_metadata":{"n":NaN}}'),
    ("5,000 digits", b'{"user_metadata":{"n":' + b"9" * 5000 + b"}}"),
    ("a dot in a key", b'{"user_metadata":{"a":[{"b.c":1}]}}'),
    ("a dollar in a key", b'{"app_metadata":{"$set":{"blocked":true}}}'),
    ("a forbidden key", b'{"app_metadata":{"email":"x"}}'),
    ("an operator for a value", b'{"email":{"$ne":null}}'),
    ("blanks in an email", b'{"email":"a b@example.com"}'),
    ("two at signs", b'{"email":"a@b@example.com"}'),
    ("a script as picture", b'{"picture":"java script:alert(1)"}'),
    ("no scheme", b'{"picture":"//example.com/x.png"}'),
    ("the same key twice, the last one wrong", b'{"blocked":true,"blocked":"yes"}'),
]  # fmt: skip


@pytest.mark.parametrize("content", [case[1] for case in REFUSED], ids=[case[0] for case in REFUSED])
async def test_a_refused_request_changes_nothing(api: httpx.AsyncClient, content: bytes) -> None:
    """400, and all users are unchanged."""
    path = await victim(api)
    before = await everything(api)
    answer = await api.patch(path, content=content, headers=JSON)
    assert (answer.status_code, answer.json()["statusCode"]) == (400, 400), answer.text
    assert await everything(api) == before


KEPT: Final[Mapping[str, Any]] = {
    "quotes": {"'": 1, '"': 2, "`": 3, "\\": 4, "\\u0000": 5},
    "blanks": {" ": 1, "\t": 2, "\n": 3, "\u00a0": 4, "\u2028": 5, "a b": 6},
    "scripts": {"名前": 1, "имя": 2, "👩‍👩‍👧": 3, "e\u0301": 4, "\u00e9": 5, "\u202e": 6, "\ufeff": 7},
    "names of objects": {"__proto__": {"x": 1}, "constructor": 2, "toString": 3, "length": 4, "name": 5},
    "statements": {"'; DROP TABLE profile; --": 1, "%s {0} {{7*7}}": 2, "<script>": 3, "/etc/passwd": 4},
    "an empty key": {"": {"": 1}},
    "a long key": {"k" * 10_000: 1},
    "numbers": {"n": [0, -0.0, 1e-320, 1.7976931348623157e308, 2**53 + 1, 10**300, -(10**40), 0.1 + 0.2]},
    "64 levels": {"a": None},
    "9,990 keys": {f"key {number}": number for number in range(9_990)},
    "a long array": {"list": list(range(9_990))},
}  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
async def test_odd_values_are_returned_unchanged(api: httpx.AsyncClient, name: str) -> None:
    """Keys of any script, with quotes or blanks or none at all; any number; much of it."""
    value: Any = KEPT[name]
    if name == "64 levels":
        for _ in range(61):
            value = {"a": value or 1}
    path = await victim(api)
    assert (await api.patch(path, json={"user_metadata": {}})).status_code == 200
    answer = await api.patch(path, json={"user_metadata": value})
    assert answer.status_code == 200, answer.text[:300]
    assert answer.json()["user_metadata"] == value
    assert (await api.get(path)).json()["user_metadata"] == value
    assert (await api.patch(path, json={"user_metadata": {}})).status_code == 200


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
)  # fmt: skip
keys = st.sampled_from(["a", "b", "a.b", "$x", "", "email"]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=5
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
properties = st.sampled_from(sorted(UpdateUser.model_fields)) | keys
likely = st.fixed_dictionaries(
    {},
    optional={
        "user_metadata": st.dictionaries(keys, values, max_size=3),
        "app_metadata": st.dictionaries(keys, values, max_size=3),
        "name": st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.none(),
        "blocked": st.booleans(),
    },
)
MOVES: Final = {"updated_at", "last_password_reset"}
SAYS: Final = {"email": ("email", "email_verified"), "password": ("blocked",), "username": ("username",)}


@given(body=likely | st.dictionaries(properties, values, max_size=4))
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
async def test_a_patch_does_what_it_says_or_nothing(site: Site, body: dict[str, Any]) -> None:
    """Refused: everything stays, to the byte. Done: what the body names is as it says, the rest as it was."""
    api = site.client()
    path = await victim(api)
    before = await api.get(path)
    answer = await api.patch(path, json=body)
    after = await api.get(path)
    if answer.status_code != 200:
        assert answer.status_code == 400, answer.text
        assert (after.content, after.headers["etag"]) == (before.content, before.headers["etag"])
        return
    assert answer.content == after.content
    old, new = before.json(), after.json()
    named = {name for key in body for name in (key, *SAYS.get(key, ()))} | MOVES
    assert {name: value for name, value in new.items() if name not in named} == {
        name: value for name, value in old.items() if name not in named
    }
    for name in ("user_metadata", "app_metadata"):
        if name in body:
            assert new.get(name, {}) == merged(old.get(name, {}), body[name], "first_level")
    for name in ("name", "nickname", "given_name", "family_name", "picture", "blocked"):
        if name in body:
            assert new.get(name) == body[name]
