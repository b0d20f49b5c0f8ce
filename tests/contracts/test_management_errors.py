"""Every no is a documented answer: exact bodies, and no input that brings a 500 or changes anything."""

from typing import Any

import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.samples.error_bodies import error_body
from tests.worlds.management import DATABASE_CONNECTION, Site, new_user, path_of

USERS = "/api/v2/users"
SOMEBODY = "auth0|somebody"
JSON = {"content-type": "application/json"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(site: Site) -> Site:
    """A site of this file's own, with one user of the database connection."""
    await site.add_connection("google-oauth2", "google-oauth2")
    made = await site.client().post(USERS, json=new_user(email="somebody@example.com", user_id="somebody"))
    assert made.status_code == 201
    return site


async def unchanged(api: httpx.AsyncClient) -> tuple[Any, ...]:
    users = (await api.get(USERS)).content
    return users, (await api.get("/api/v2/connections")).content


@pytest.mark.parametrize(
    ("method", "path", "sent", "expected"),
    [
        (
            "GET",
            path_of("auth0|nobody"),
            None,
            error_body(404, "The user does not exist.", "inexistent_user"),
        ),
        (
            "PATCH",
            path_of("auth0|nobody"),
            {"name": "x"},
            error_body(404, "The user does not exist.", "inexistent_user"),
        ),
        (
            "GET",
            "/api/v2/connections/con_nope",
            None,
            error_body(404, "The connection does not exist", "inexistent_connection"),
        ),
        (
            "POST",
            USERS,
            new_user(email="somebody@example.com"),
            error_body(409, "The user already exists.", "auth0_idp_error"),
        ),
        (
            "POST",
            USERS,
            new_user(connection="nope"),
            error_body(400, "Connection does not exist.", "inexistent_connection"),
        ),
        (
            "POST",
            USERS,
            {"connection": "google-oauth2", "email": "a@b.co"},
            error_body(
                400,
                "Connection does not support user creation through the API."
                " It must either be a database or passwordless connection.",
                "operation_not_supported",
            ),
        ),
        (
            "POST",
            USERS,
            {**new_user(), "shoe_size": 42},
            error_body(
                400,
                "Payload validation error: 'Additional properties not allowed: shoe_size'.",
                "invalid_body",
            ),
        ),
        (
            "PATCH",
            path_of(SOMEBODY),
            {},
            error_body(
                400, "Payload validation error: 'Too few properties defined (0), minimum 1'.", "invalid_body"
            ),
        ),
        (
            "PATCH",
            path_of(SOMEBODY),
            {"email": "a@b.co", "password": "x"},
            error_body(400, "Cannot update password and email simultaneously."),
        ),
        (
            "PATCH",
            path_of(SOMEBODY),
            {"connection": "nope", "name": "x"},
            error_body(400, "Connection does not exist.", "inexistent_connection"),
        ),
        (
            "GET",
            f"{USERS}?surprise=1",
            None,
            error_body(
                400,
                "Query validation error: 'Additional properties not allowed: surprise'.",
                "invalid_query_string",
            ),
        ),
        (
            "GET",
            f"{path_of(SOMEBODY)}?surprise=1",
            None,
            error_body(
                400,
                "Query validation error: 'Additional properties not allowed: surprise'.",
                "invalid_query_string",
            ),
        ),
        (
            "GET",
            "/api/v2/users-by-email",
            None,
            error_body(
                400, "Query validation error: 'Missing required property: email'.", "invalid_query_string"
            ),
        ),
        (
            "GET",
            f"{USERS}?q=email:(a%20OR",
            None,
            error_body(
                400,
                "Query validation error: 'Unexpected end at the end of the query, expected a term or '(''"
                " on property q (Query in Lucene query string syntax).",
                "invalid_query_string",
            ),
        ),
        (
            "GET",
            f"{USERS}?search_engine=v1",
            None,
            error_body(400, "You are not allowed to use search_engine=v1."),
        ),
        (
            "GET",
            f"{USERS}?search_engine=v2",
            None,
            error_body(400, "You are not allowed to use search_engine=v2. Use search_engine=v3 instead."),
        ),
        ("GET", "/api/v2/nothing", None, error_body(404, "Not Found")),
        ("GET", f"{USERS}/", None, error_body(404, "Not Found")),
        ("PUT", USERS, None, error_body(405, "Method Not Allowed")),
        ("PUT", "/api/v2/rules", None, error_body(405, "Method Not Allowed")),
        (
            "POST",
            "/api/v2/rules",
            None,
            error_body(
                501,
                "Not implemented: rules.create is an operation of Auth0's Management API that Vita does"
                " not have.",
                "operation_not_implemented",
            ),
        ),
    ],
)
async def test_refusals_are_exact(
    api: httpx.AsyncClient, method: str, path: str, sent: Any, expected: dict[str, Any]
) -> None:
    """Status, reason, text and code, in the documented order of keys."""
    answer = (
        await api.request(method, path, json=sent) if sent is not None else await api.request(method, path)
    )
    assert (answer.status_code, answer.json()) == (expected["statusCode"], expected)
    assert list(answer.json()) == list(expected)
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


HOSTILE: list[tuple[bytes, dict[str, str], int]] = [
    (b'{"name":', JSON, 400),
    (b'{"name":NaN}', JSON, 400),
    (b'{"name":"\xff\xfe"}', JSON, 400),
    (b'{"name":"\\ud800"}', JSON, 400),
    (b'{"name":"a\\u0000"}', JSON, 400),
    (b'{"user_metadata":{"\\u0000":1}}', JSON, 400),
    (b'{"user_metadata":' + b'{"a":' * 1000 + b"1" + b"}" * 1001, JSON, 400),
    (b'{"user_metadata":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}", JSON, 400),
    (b'{"user_metadata":{"a.b":1}}', JSON, 400),
    (b'{"user_metadata":{"$where":1}}', JSON, 400),
    (b'{"user_metadata":{"a":1e400}}', JSON, 400),
    (b'{"user_metadata":{"a":' + b"9" * 5000 + b"}}", JSON, 400),
    (b'{"user_metadata":[]}', JSON, 400),
    (b'{"app_metadata":"x"}', JSON, 400),
    (b'{"blocked":"yes"}', JSON, 400),
    (b'{"email":{"$ne":1}}', JSON, 400),
    (b'{"picture":"javascript:\\n"}', JSON, 400),
    (b"[]", JSON, 400),
    (b"null", JSON, 400),
    (b"", JSON, 400),
    (b'"text"', JSON, 400),
    (b"<x/>", {"content-type": "text/xml"}, 415),
    (b"\x00\x01", {"content-type": "multipart/form-data; boundary=x"}, 415),
    (b"name=%00", {"content-type": "application/x-www-form-urlencoded"}, 400),
    (b"a" * 1_048_577, JSON, 413),
    (b'{"name":"x"}', {**JSON, "content-length": "99999999999"}, 413),
]


@pytest.mark.parametrize(("raw", "headers", "status"), HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_bodies_are_refused_and_change_nothing(
    api: httpx.AsyncClient, raw: bytes, headers: dict[str, str], status: int
) -> None:
    """Each with its 4xx in the documented shape, for PATCH and for both POSTs."""
    before = await unchanged(api)
    for method, path in (("PATCH", path_of(SOMEBODY)), ("POST", USERS), ("POST", "/api/v2/connections")):
        answer = await api.request(method, path, content=raw, headers=headers)
        assert answer.status_code == status
        assert answer.json()["statusCode"] == status
    assert await unchanged(api) == before


@pytest.mark.parametrize(
    "path",
    [
        "%00", "auth0%7C%00", "%ED%A0%80", "%FF", "auth0%7C%F0%9F%98%80", "..",
        "%2e%2e%2f%2e%2e", "a%2Fb", "auth0|raw",
        "'; DROP TABLE users", "%25", "%", "a" * 8000, "%C0%AF", "+", "auth0%7C" + "x" * 4000,
    ],
)  # fmt: skip
async def test_strange_ids_name_no_user(api: httpx.AsyncClient, path: str) -> None:
    """404 or 400, never 500; deleting them is 204 or 400."""
    for family in ("users", "connections"):
        url = httpx.URL("http://vita", raw_path=f"/api/v2/{family}/{path}".encode())
        assert (await api.get(url)).status_code in (400, 404)
        assert (await api.delete(url)).status_code in (204, 400, 404)
        assert (await api.patch(url, json={"options": {}})).status_code in (400, 404)


@pytest.mark.parametrize(
    "query",
    [
        "page=-1", "page=x", "page=99999999999999", "per_page=101", "per_page=-1", "per_page=",
        "include_totals=maybe",
        "sort=", "sort=name", "sort=name:2", "sort=user_metadata:1", "sort=nothing:1",
        "sort=created_at;drop:1",
        "fields=%00", "page=%FF",
        "email=x", "include_fields=1", "&".join(["a=1"] * 300), "connection=%00",
    ],
)  # fmt: skip
async def test_strange_queries_are_refused(api: httpx.AsyncClient, query: str) -> None:
    """400 with a reason that names the parameter or the fault."""
    answer = await api.get(f"{USERS}?{query}")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_query_string")


async def test_overlong_targets_are_414(api: httpx.AsyncClient) -> None:
    """A query of 50 KB goes nowhere; the server itself refuses one of more than 64 KB."""
    answer = await api.get(f"{USERS}?fields={'x' * 50_000}")
    assert (answer.status_code, answer.json()["error"]) == (414, "Request-URI Too Large")


@pytest.mark.parametrize("position", ["x", "1", "1:", "-1:0", "1:2:3", "99:0", "1:" + "9" * 30])
async def test_strange_positions_are_refused(api: httpx.AsyncClient, position: str) -> None:
    """At once: no partition will ever reach them."""
    answer = await api.get(USERS, headers={"vita-at-least": position})
    assert answer.status_code == 400


async def test_bodies_where_none_belong_are_let_pass(api: httpx.AsyncClient) -> None:
    """Some clients send `null` or `{}` with GET and DELETE; connections ignore unknown parameters."""
    assert (await api.request("GET", USERS, content=b"null", headers=JSON)).status_code == 200
    assert (await api.request("DELETE", path_of("auth0|nobody"), json={})).status_code == 204
    assert (await api.get("/api/v2/connections?surprise=1")).status_code == 200


async def test_big_metadata_is_kept(api: httpx.AsyncClient) -> None:
    """9,900 keys and half a megabyte of text come back as they were sent."""
    metadata = {f"key{n}": n for n in range(9_900)} | {
        "text": "ü" * 200_000,
        "big": 10**40,
        "quote": "\"'\\",
    }
    made = await api.post(USERS, json=new_user(email="big@example.com", user_metadata=metadata))
    assert made.status_code == 201
    assert made.json()["user_metadata"] == metadata
    patched = await api.patch(
        path_of(made.json()["user_id"]), json={"name": "Big", "user_metadata": {"text": "x" * 900_000}}
    )
    assert patched.status_code in (200, 413)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
names = st.sampled_from(
    [
        "connection",
        "email",
        "phone_number",
        "username",
        "password",
        "user_id",
        "email_verified",
        "blocked",
        "name",
        "nickname",
        "picture",
        "user_metadata",
        "app_metadata",
        "verify_email",
        "given_name",
        "options",
        "strategy",
        "realms",
        "enabled_clients",
        "metadata",
        "display_name",
    ]
)
bodies = st.dictionaries(names | st.text(max_size=6), values, max_size=5)


@given(sent=bodies, known=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_body_brings_a_500(site: Site, sent: dict[str, Any], known: bool) -> None:
    """Whatever JSON is sent to the writing operations, the answer is one of the documented ones."""
    api = site.client()
    base = {"connection": DATABASE_CONNECTION, "email": "fuzz@example.com", "password": "x"} if known else {}
    for method, path, body in (
        ("POST", USERS, {**base, **sent}),
        ("PATCH", path_of(SOMEBODY), sent),
        ("POST", "/api/v2/connections", {**({"name": "fuzz", "strategy": "samlp"} if known else {}), **sent}),
    ):
        try:
            answer = await api.request(method, path, json=body)
        except UnicodeEncodeError:
            continue
        assert answer.status_code in (200, 201, 400, 409), (method, answer.text)
    for user in (await api.get(USERS)).json():
        if user["user_id"] != SOMEBODY:
            await api.delete(path_of(user["user_id"]))
