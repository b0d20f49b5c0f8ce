"""Authentication methods, enrolments and recovery codes over HTTP, as recorded traffic has them."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from argon2 import PasswordHasher

from projections.profile.sealed import opened, sealed
from schemas.sealing.blobs import CannotUnseal
from services.ledger.keys.subject_keys import read_keys
from tests.support.stack import Stack
from tests.worlds.management import Site, new_user, path_of, running_site, user_token

SECRET = "5HCWXIP2MJNSUBGYVUZFLRB2HWIGXR4SYJQXNBQ"
EMAIL = {"type": "email", "name": "Test", "email": "chuck334@example.com"}
PHONE = {"type": "phone", "name": "MyPhone", "phone_number": "+44207183875044"}
TOTP = {"type": "totp", "name": "MyTotp", "totp_secret": SECRET}
PASSKEY = {"type": "passkey", "key_id": "k1", "public_key": "MIIB", "transports": ["usb"]}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(stack: Stack) -> AsyncIterator[Site]:
    """One installation for all tests of this file."""
    async with running_site(stack) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def http(site: Site) -> httpx.AsyncClient:
    """A client with every scope."""
    return site.client()


async def made(http: httpx.AsyncClient, email: str) -> str:
    """A user; where its authentication methods are."""
    answer = await http.post("/api/v2/users", json=new_user(email=email))
    return path_of(answer.json()["user_id"]) + "/authentication-methods"


async def user(http: httpx.AsyncClient, methods: str) -> dict[str, Any]:
    found: dict[str, Any] = (await http.get(methods.removesuffix("/authentication-methods"))).json()
    return found


def refusal(status: int, error: str, message: str) -> dict[str, Any]:
    return {"statusCode": status, "error": error, "message": message}


async def test_an_email_from_end_to_end(http: httpx.AsyncClient) -> None:
    """Made, listed, read, renamed and deleted, with the bodies that were recorded."""
    methods = await made(http, "email@example.com")
    created = await http.post(methods, json=EMAIL)
    assert created.status_code == 201
    body = created.json()
    assert re.fullmatch(r"email\|dev_[A-Za-z0-9]{16}", body["id"])
    assert created.text == (
        f'{{"type":"email","name":"Test","created_at":"{body["created_at"]}",'
        f'"email":"chuc****@exam*******","id":"{body["id"]}"}}'
    )
    shown = (
        f'{{"id":"{body["id"]}","type":"email","confirmed":true,"name":"Test",'
        f'"email":"chuc****@exam*******","created_at":"{body["created_at"]}"}}'
    )
    listed = await http.get(f"{methods}?include_totals=true&per_page=50")
    assert listed.text == f'{{"authenticators":[{shown}],"total":1,"start":0,"limit":50}}'
    assert (await http.get(methods)).text == f"[{shown}]"
    one = f"{methods}/{body['id'].replace('|', '%7C')}"
    assert (await http.get(one)).text == shown
    changed = await http.patch(one, json={"name": "Test2"})
    assert (changed.status_code, changed.text) == (200, created.text.replace("Test", "Test2"))
    again = await http.patch(one, json={"name": "Test2"})
    assert (again.text, "vita-position" in again.headers) == (changed.text, False)
    deleted = await http.delete(one)
    assert (deleted.status_code, deleted.content) == (204, b"")
    empty = await http.get(f"{methods}?include_totals=true&per_page=50")
    assert empty.text == '{"authenticators":[],"start":0,"limit":50}'
    gone = refusal(404, "Not Found", "The authentication method could not be found.")
    assert (await http.get(one)).json() == gone
    assert (await http.patch(one, json={"name": "x"})).json() == gone
    assert (await http.delete(one)).json() == gone


async def test_all_are_replaced(http: httpx.AsyncClient) -> None:
    """PUT answers a bare array, unmasked; the list is masked, phones last; no secret ever comes back."""
    methods = await made(http, "put@example.com")
    await http.post(methods, json=EMAIL)
    email = {"type": "email", "name": "MyEmail", "email": "foo@example.com"}
    replaced = await http.put(
        methods, json=[email, {**PHONE, "preferred_authentication_method": "sms"}, TOTP]
    )
    assert replaced.status_code == 200, replaced.text
    first, phone, totp = replaced.json()
    at, device = first["created_at"], phone["id"].removeprefix("phone|")
    assert first == {"id": first["id"], **email, "created_at": at}
    assert phone == {
        "id": f"phone|{device}", **PHONE, "created_at": at, "preferred_authentication_method": "sms",
        "authentication_methods": [{"id": f"sms|{device}", "type": "sms"}],
    }  # fmt: skip
    assert totp == {"id": totp["id"], "type": "totp", "name": "MyTotp", "created_at": at}
    listed = (await http.get(methods)).json()
    assert [one["type"] for one in listed] == ["email", "totp", "phone"]
    assert listed[0]["email"] == "****@exam*******"
    assert listed[2]["phone_number"] == "XXXXXXXXXXX5044"
    assert list(listed[2]) == [
        "id", "type", "confirmed", "name", "phone_number", "created_at", "preferred_authentication_method",
        "authentication_methods",
    ]  # fmt: skip
    shown = await user(http, methods)
    assert shown["multifactor"] == ["guardian", "google-authenticator"]
    assert shown["multifactor_last_modified"] == at
    voice = await http.patch(f"{methods}/phone%7C{device}", json={"preferred_authentication_method": "voice"})
    assert voice.json()["authentication_methods"] == [{"id": f"voice|{device}", "type": "voice"}]
    assert (await http.put(methods, json=[])).json() == []
    assert "multifactor" not in await user(http, methods)
    assert (await http.delete(methods)).status_code == 204


async def test_what_is_refused(http: httpx.AsyncClient) -> None:
    """The documented texts of 400, 403, 404 and 409."""
    methods = await made(http, "refused@example.com")
    await http.post(methods, json=PHONE)
    exists = refusal(409, "Conflict", "Authentication method already exists.")
    assert (await http.post(methods, json=PHONE)).json() == exists
    assert (await http.put(methods, json=[EMAIL, EMAIL])).json() == exists
    for number in range(9):
        assert (await http.post(methods, json={**PHONE, "phone_number": f"+1{number}"})).status_code == 201
    limit = refusal(403, "Forbidden", "You reached the limit of entities of this type for this user.")
    assert (await http.post(methods, json={**PHONE, "phone_number": "+99"})).json() == limit
    assert (await http.post(methods, json=PASSKEY)).status_code == 201
    locked = refusal(
        403, "Forbidden", "Operation not permitted when the user has registered at least 1 passkey"
    )
    assert (await http.put(methods, json=[EMAIL])).json() == locked
    assert (await http.delete(methods)).json() == locked
    bad = [
        ({"type": "fax"}, "'No enum match for: fax' on property type (Type of the authentication method)"),
        ({"type": "totp"}, "'Missing required property: totp_secret'"),
        ({"type": "totp", "totp_secret": "not base32!"},
         "'String does not match pattern ^[A-Za-z2-7]{1,256}=*$: not base32!' on property totp_secret"
         " (TOTP methods only: the base32 encoded secret)"),
        ({**EMAIL, "secret": 1}, "'Additional properties not allowed: secret'"),
    ]  # fmt: skip
    for body, reason in bad:
        answer = await http.post(methods, json=body)
        assert answer.json()["message"] == f"Payload validation error: {reason}."
    assert (await http.put(methods, json={})).json()["message"] == (
        "Payload validation error: 'Expected type array but found type object'."
    )
    long_name = {**EMAIL, "name": "x" * 21}
    assert (await http.put(methods, json=[long_name])).status_code == 400
    nobody = path_of("auth0|nobody") + "/authentication-methods"
    assert (await http.get(nobody)).status_code == 404
    assert (await http.post(nobody, json=EMAIL)).json()["errorCode"] == "inexistent_user"
    assert (await http.put(nobody, json=[EMAIL])).status_code == 400
    assert (await http.delete(nobody)).status_code == 204


async def test_concurrent_enrolments_collide(site: Site, http: httpx.AsyncClient) -> None:
    """Of several requests for the same address exactly one is taken."""
    methods = await made(http, "race@example.com")
    answers = await asyncio.gather(*(http.post(methods, json=EMAIL) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert len((await http.get(methods)).json()) == 1


async def test_secrets_stay_sealed(site: Site, http: httpx.AsyncClient) -> None:
    """A TOTP secret lies sealed in the profile's row, opens with the person's key only, and a row whose key
    is gone has no secrets."""
    methods = await made(http, "sealed@example.com")
    created = await http.post(methods, json=TOTP)
    assert SECRET not in created.text
    connection = await asyncpg.connect(site.database.admin)
    try:
        row = await connection.fetchrow(
            "SELECT subject, document, memory, holdings, secrets FROM views.profile"
            " WHERE document LIKE '%sealed@%'"
        )
        person = "demo", row["subject"]
        keys = (await read_keys(connection, site.storage.keyring, [person]))[person]
    finally:
        await connection.close()
    assert not any(SECRET in row[name] for name in ("document", "memory", "holdings"))
    assert SECRET.encode() not in row["secrets"]
    found = opened(row["secrets"], person, keys)
    assert found["factors"] == {created.json()["id"]: {"totp_secret": SECRET}}
    assert sealed(dict(found), person, keys) == row["secrets"]
    assert not opened(row["secrets"], person, replace(keys, profile=None))
    with pytest.raises(CannotUnseal):
        len(opened(row["secrets"], ("demo", "somebody_else"), keys))
    await http.delete(f"{methods}/{created.json()['id'].replace('|', '%7C')}")
    assert "totp" not in str((await http.get(methods)).json())


async def test_enrolments_and_their_end(site: Site, http: httpx.AsyncClient) -> None:
    """The first confirmed enrolment, also for the user; a provider's reset and the reset of everything."""
    methods = await made(http, "enrol@example.com")
    path = methods.removesuffix("/authentication-methods")
    assert (await http.get(f"{path}/enrollments")).json() == []
    await http.post(methods, json=EMAIL)
    phone = (await http.post(methods, json=PHONE)).json()
    await http.post(methods, json=TOTP)
    own = site.client()
    user_id = (await user(http, methods))["user_id"]
    own.headers["authorization"] = f"Bearer {user_token(site, user_id, ['read:current_user'])}"
    assert (await own.get(f"{path}/enrollments")).json() == [
        {
            "id": phone["id"].removeprefix("phone|"),
            "status": "confirmed",
            "type": "phone",
            "name": "MyPhone",
            "identifier": "XXXXXXXXXXX5044",
            "phone_number": "XXXXXXXXXXX5044",
            "auth_method": "sms",
            "enrolled_at": phone["created_at"],
        }
    ]
    assert (await http.delete(f"{path}/multifactor/google-authenticator")).status_code == 204
    assert [one["type"] for one in (await http.get(methods)).json()] == ["email", "phone"]
    assert (await http.delete(f"{path}/multifactor/duo")).status_code == 204
    wrong = await http.delete(f"{path}/multifactor/fax")
    assert (wrong.status_code, wrong.json()["errorCode"]) == (400, "invalid_uri")
    await http.post(methods, json=PASSKEY)
    assert (await http.delete(f"{path}/authenticators")).status_code == 204
    assert [one["type"] for one in (await http.get(methods)).json()] == ["passkey"]
    for action in ("multifactor/actions/invalidate-remember-browser", "risk-assessments/clear"):
        body = {"connection": "x", "assessors": ["new-device"]} if "risk" in action else None
        answer = await http.post(f"{path}/{action}", json=body)
        assert (answer.status_code, "vita-position" in answer.headers) == (204, True), answer.text
    bad = await http.post(f"{path}/risk-assessments/clear", json={"connection": "x", "assessors": ["old"]})
    assert bad.status_code == 400


async def test_a_recovery_code_is_answered_once(site: Site, http: httpx.AsyncClient) -> None:
    """24 characters whose argon2id hash is all that is kept; the next one replaces it."""
    methods = await made(http, "code@example.com")
    path = methods.removesuffix("/authentication-methods")
    codes = [(await http.post(f"{path}/recovery-code-regeneration")).json()["recovery_code"] for _ in "12"]
    assert all(re.fullmatch(r"[0-9A-Z]{24}", code) for code in codes)
    (shown,) = (await http.get(methods)).json()
    assert (shown["type"], "code" in str(shown).replace("recovery-code", "")) == ("recovery-code", False)
    connection = await asyncpg.connect(site.database.admin)
    try:
        row = await connection.fetchrow(
            "SELECT subject, secrets FROM views.profile WHERE document LIKE '%code@example.com%'"
        )
        person = "demo", row["subject"]
        keys = (await read_keys(connection, site.storage.keyring, [person]))[person]
    finally:
        await connection.close()
    found = opened(row["secrets"], person, keys)["factors"]
    assert not any(code in str(found) for code in codes)
    assert PasswordHasher().verify(found[shown["id"]]["code_hash"], codes[1])
    nobody = f"{path_of('auth0|nobody')}/recovery-code-regeneration"
    assert (await http.post(nobody)).status_code == 404
