"""Authentication methods, enrolments and recovery codes over HTTP, as recorded traffic has them."""

import asyncio
import re
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import pytest
from argon2 import PasswordHasher

from projections.profile.sealed import opened, sealed
from schemas.sealing.blobs import CannotUnseal
from services.ledger.keys.subject_keys import read_keys
from tests.worlds.management import Site, path_of, user_token
from tests.worlds.resources import create_user

SECRET = "5HCWXIP2MJNSUBGYVUZFLRB2HWIGXR4SYJQXNBQ"
EMAIL = {"type": "email", "name": "Test", "email": "chuck334@example.com"}
PHONE = {"type": "phone", "name": "MyPhone", "phone_number": "+44207183875044"}
TOTP = {"type": "totp", "name": "MyTotp", "totp_secret": SECRET}
PASSKEY = {"type": "passkey", "key_id": "k1", "public_key": "MIIB", "transports": ["usb"]}


async def methods_of_new_user(api: httpx.AsyncClient, email: str) -> str:
    """The path of a new user's authentication methods."""
    return path_of((await create_user(api, email=email))["user_id"]) + "/authentication-methods"


async def user(api: httpx.AsyncClient, methods: str) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get(methods.removesuffix("/authentication-methods"))).json()
    return found


def refusal(status: int, error: str, message: str) -> dict[str, Any]:
    return {"statusCode": status, "error": error, "message": message}


async def test_an_email_from_end_to_end(api: httpx.AsyncClient) -> None:
    """Made, listed, read, renamed and deleted, with the bodies that were recorded."""
    methods = await methods_of_new_user(api, "email@example.com")
    created = await api.post(methods, json=EMAIL)
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
    listed = await api.get(f"{methods}?include_totals=true&per_page=50")
    assert listed.text == f'{{"authenticators":[{shown}],"total":1,"start":0,"limit":50}}'
    assert (await api.get(methods)).text == f"[{shown}]"
    one = f"{methods}/{body['id'].replace('|', '%7C')}"
    assert (await api.get(one)).text == shown
    changed = await api.patch(one, json={"name": "Test2"})
    assert (changed.status_code, changed.text) == (200, created.text.replace("Test", "Test2"))
    again = await api.patch(one, json={"name": "Test2"})
    assert (again.text, "vita-position" in again.headers) == (changed.text, False)
    deleted = await api.delete(one)
    assert (deleted.status_code, deleted.content) == (204, b"")
    empty = await api.get(f"{methods}?include_totals=true&per_page=50")
    assert empty.text == '{"authenticators":[],"start":0,"limit":50}'
    gone = refusal(404, "Not Found", "The authentication method could not be found.")
    assert (await api.get(one)).json() == gone
    assert (await api.patch(one, json={"name": "x"})).json() == gone
    assert (await api.delete(one)).json() == gone


async def test_all_are_replaced(api: httpx.AsyncClient) -> None:
    """PUT answers a bare array, unmasked; the list is masked, phones last; no secret ever comes back."""
    methods = await methods_of_new_user(api, "put@example.com")
    await api.post(methods, json=EMAIL)
    email = {"type": "email", "name": "MyEmail", "email": "foo@example.com"}
    replaced = await api.put(methods, json=[email, {**PHONE, "preferred_authentication_method": "sms"}, TOTP])
    assert replaced.status_code == 200, replaced.text
    first, phone, totp = replaced.json()
    at, device = first["created_at"], phone["id"].removeprefix("phone|")
    assert first == {"id": first["id"], **email, "created_at": at}
    assert phone == {
        "id": f"phone|{device}", **PHONE, "created_at": at, "preferred_authentication_method": "sms",
        "authentication_methods": [{"id": f"sms|{device}", "type": "sms"}],
    }  # fmt: skip
    assert totp == {"id": totp["id"], "type": "totp", "name": "MyTotp", "created_at": at}
    listed = (await api.get(methods)).json()
    assert [one["type"] for one in listed] == ["email", "totp", "phone"]
    assert listed[0]["email"] == "****@exam*******"
    assert listed[2]["phone_number"] == "XXXXXXXXXXX5044"
    assert list(listed[2]) == [
        "id", "type", "confirmed", "name", "phone_number", "created_at", "preferred_authentication_method",
        "authentication_methods",
    ]  # fmt: skip
    shown = await user(api, methods)
    assert shown["multifactor"] == ["guardian", "google-authenticator"]
    assert shown["multifactor_last_modified"] == at
    voice = await api.patch(f"{methods}/phone%7C{device}", json={"preferred_authentication_method": "voice"})
    assert voice.json()["authentication_methods"] == [{"id": f"voice|{device}", "type": "voice"}]
    assert (await api.put(methods, json=[])).json() == []
    assert "multifactor" not in await user(api, methods)
    assert (await api.delete(methods)).status_code == 204


async def test_refused_requests(api: httpx.AsyncClient) -> None:
    """The documented texts of 400, 403, 404 and 409."""
    methods = await methods_of_new_user(api, "refused@example.com")
    await api.post(methods, json=PHONE)
    exists = refusal(409, "Conflict", "Authentication method already exists.")
    assert (await api.post(methods, json=PHONE)).json() == exists
    assert (await api.put(methods, json=[EMAIL, EMAIL])).json() == exists
    for number in range(9):
        assert (await api.post(methods, json={**PHONE, "phone_number": f"+1{number}"})).status_code == 201
    limit = refusal(403, "Forbidden", "You reached the limit of entities of this type for this user.")
    assert (await api.post(methods, json={**PHONE, "phone_number": "+99"})).json() == limit
    assert (await api.post(methods, json=PASSKEY)).status_code == 201
    locked = refusal(
        403, "Forbidden", "Operation not permitted when the user has registered at least 1 passkey"
    )
    assert (await api.put(methods, json=[EMAIL])).json() == locked
    assert (await api.delete(methods)).json() == locked
    bad = [
        ({"type": "fax"}, "'No enum match for: fax' on property type (Type of the authentication method)"),
        ({"type": "totp"}, "'Missing required property: totp_secret'"),
        ({"type": "totp", "totp_secret": "not base32!"},
         "'String does not match pattern ^[A-Za-z2-7]{1,256}=*$: not base32!' on property totp_secret"
         " (TOTP methods only: the base32 encoded secret)"),
        ({**EMAIL, "secret": 1}, "'Additional properties not allowed: secret'"),
    ]  # fmt: skip
    for body, reason in bad:
        answer = await api.post(methods, json=body)
        assert answer.json()["message"] == f"Payload validation error: {reason}."
    assert (await api.put(methods, json={})).json()["message"] == (
        "Payload validation error: 'Expected type array but found type object'."
    )
    long_name = {**EMAIL, "name": "x" * 21}
    assert (await api.put(methods, json=[long_name])).status_code == 400
    nobody = path_of("auth0|nobody") + "/authentication-methods"
    assert (await api.get(nobody)).status_code == 404
    assert (await api.post(nobody, json=EMAIL)).json()["errorCode"] == "inexistent_user"
    assert (await api.put(nobody, json=[EMAIL])).status_code == 400
    assert (await api.delete(nobody)).status_code == 204


async def test_concurrent_enrolments_collide(site: Site, api: httpx.AsyncClient) -> None:
    """Of concurrent enrolments of one address exactly one succeeds."""
    methods = await methods_of_new_user(api, "race@example.com")
    answers = await asyncio.gather(*(api.post(methods, json=EMAIL) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert len((await api.get(methods)).json()) == 1


async def test_secrets_stay_sealed(site: Site, api: httpx.AsyncClient) -> None:
    """A TOTP secret is sealed in the profile's row and opens with the person's key only; a row whose key is
    destroyed has no secrets."""
    methods = await methods_of_new_user(api, "sealed@example.com")
    created = await api.post(methods, json=TOTP)
    assert SECRET not in created.text
    connection = await asyncpg.connect(site.database.admin)
    try:
        row = await connection.fetchrow(
            "SELECT subject, document, memory, associations, secrets FROM views.profile"
            " WHERE document LIKE '%sealed@%'"
        )
        person = "demo", row["subject"]
        keys = (await read_keys(connection, site.storage.keyring, [person]))[person]
    finally:
        await connection.close()
    assert not any(SECRET in row[name] for name in ("document", "memory", "associations"))
    assert SECRET.encode() not in row["secrets"]
    found = opened(row["secrets"], person, keys)
    assert found["factors"] == {created.json()["id"]: {"totp_secret": SECRET}}
    assert sealed(dict(found), person, keys) == row["secrets"]
    assert not opened(row["secrets"], person, replace(keys, profile=None))
    with pytest.raises(CannotUnseal):
        len(opened(row["secrets"], ("demo", "somebody_else"), keys))
    await api.delete(f"{methods}/{created.json()['id'].replace('|', '%7C')}")
    assert "totp" not in str((await api.get(methods)).json())


async def test_enrolments_and_their_end(site: Site, api: httpx.AsyncClient) -> None:
    """The first confirmed enrolment, also for the user; a provider's reset and the reset of everything."""
    methods = await methods_of_new_user(api, "enrol@example.com")
    path = methods.removesuffix("/authentication-methods")
    assert (await api.get(f"{path}/enrollments")).json() == []
    await api.post(methods, json=EMAIL)
    phone = (await api.post(methods, json=PHONE)).json()
    await api.post(methods, json=TOTP)
    own = site.client()
    user_id = (await user(api, methods))["user_id"]
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
    assert (await api.delete(f"{path}/multifactor/google-authenticator")).status_code == 204
    assert [one["type"] for one in (await api.get(methods)).json()] == ["email", "phone"]
    assert (await api.delete(f"{path}/multifactor/duo")).status_code == 204
    wrong = await api.delete(f"{path}/multifactor/fax")
    assert (wrong.status_code, wrong.json()["errorCode"]) == (400, "invalid_uri")
    await api.post(methods, json=PASSKEY)
    assert (await api.delete(f"{path}/authenticators")).status_code == 204
    assert [one["type"] for one in (await api.get(methods)).json()] == ["passkey"]
    for action in ("multifactor/actions/invalidate-remember-browser", "risk-assessments/clear"):
        body = {"connection": "x", "assessors": ["new-device"]} if "risk" in action else None
        answer = await api.post(f"{path}/{action}", json=body)
        assert (answer.status_code, "vita-position" in answer.headers) == (204, True), answer.text
    bad = await api.post(f"{path}/risk-assessments/clear", json={"connection": "x", "assessors": ["old"]})
    assert bad.status_code == 400


async def test_a_recovery_code_is_answered_once(site: Site, api: httpx.AsyncClient) -> None:
    """24 characters whose argon2id hash is all that is kept; the next one replaces it."""
    methods = await methods_of_new_user(api, "code@example.com")
    path = methods.removesuffix("/authentication-methods")
    codes = [(await api.post(f"{path}/recovery-code-regeneration")).json()["recovery_code"] for _ in "12"]
    assert all(re.fullmatch(r"[0-9A-Z]{24}", code) for code in codes)
    (shown,) = (await api.get(methods)).json()
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
    assert (await api.post(nobody)).status_code == 404
