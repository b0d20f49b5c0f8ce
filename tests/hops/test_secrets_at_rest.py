"""Credentials are sealed in the database and on the log, and callers see them as before."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from joserfc import jws
from joserfc.util import urlsafe_b64decode

from schemas.events import LoginSucceeded, LoginSucceededData
from schemas.formats import exact_json
from schemas.formats.identifiers import new_event_id
from schemas.formats.instants import truncate
from services.ledger.keys.subject_keys import read_keys
from tests.samples.planted_secrets import (
    ADDONS,
    MARK,
    STRATEGIES,
    forms,
    options_of,
    planted,
)
from tests.worlds.management import Site, new_user, path_of
from tests.worlds.stored_secrets import readable_in_database, readable_in_results, readable_on_log

CONNECTIONS = "/api/v2/connections"
LOOK_ALIKE = {"look_alike": "vita-sealed:look-alike"}
TOTP_SEED = "5HCWXIP2MJNSUBGYVUZFLRB2HWIGXR4SYJQXNBQ"
TOTP = {"type": "totp", "name": "T", "totp_secret": TOTP_SEED}
PASSWORD = f"{MARK} and a quiet Password 1"
TOKENS = {"access_token": f"{MARK}-access-token", "refresh_token": f"{MARK}-refresh-token"}
CLIENT = {
    "name": "at-rest",
    "addons": planted(ADDONS, "addon"),
    "client_authentication_methods": {
        "private_key_jwt": {"credentials": [{"id": "cred_1", "pem": f"{MARK}-pem"}]}
    },
    "encryption_key": {"pub": f"{MARK}-pub", "cert": f"{MARK}-cert"},
    "jwt_configuration": {"alg": "HS256", "secret_encoded": False, "secret": f"{MARK}-jwt"},
    "native_social_login": {"apple": {"enabled": True, "app_secret": f"{MARK}-native"}},
    "refresh_token": {"rotation_type": "rotating", "leeway": 0},
    "client_metadata": {"api_key": f"{MARK}-metadata"},
}
TENANT = {
    "device_flow": {"charset": "base20", "client_secret": f"{MARK}-device"},
    "error_page": {"html": "shown", "log_token": f"{MARK}-error-page"},
    "log_retention_days": 30,
}
METADATA = {"region": "shown", "api_key": f"{MARK}-organization"}
API = {
    "identifier": "https://at-rest.example",
    "signing_alg": "HS256",
    "signing_secret": f"{MARK}-signing-secret",
    "token_encryption": {"format": "shown", "encryption_key": {"name": "N", "pem": f"{MARK}-encryption"}},
}
POSTED = {"idempotency-key": "at-rest"}


async def test_connections_of_every_strategy_are_sealed(site: Site, api: httpx.AsyncClient) -> None:
    """Whatever a strategy's options hold that is secret; callers read what they wrote, alone and in lists."""
    wrote = {}
    for strategy in STRATEGIES:
        options = {**options_of(strategy), **LOOK_ALIKE}
        body = {"name": f"at-rest-{strategy}", "strategy": strategy, "options": options}
        made = await api.post(CONNECTIONS, json=body, headers=POSTED | {"idempotency-key": strategy})
        assert made.status_code == 201, made.text
        answered = made.json()["options"]
        assert {name: answered[name] for name in options} == options
        wrote[made.json()["id"]] = answered
    assert await readable(site) == []

    path, options = next((f"{CONNECTIONS}/{one}", options) for one, options in wrote.items())
    for shown in (f"{path}?fields=options", path):
        assert (await api.get(shown)).json()["options"] == options
    listed = (await api.get(CONNECTIONS, params={"per_page": 100})).json()
    assert {one["id"]: one["options"] for one in listed if one["id"] in wrote} == wrote
    named = await api.patch(path, json={"display_name": "D"})
    assert named.json()["options"] == options
    assert (await api.patch(path, json={"options": options})).headers["etag"] == named.headers["etag"]


async def test_settings_and_clients_are_sealed(site: Site, api: httpx.AsyncClient) -> None:
    """Addons, keys and metadata of clients, secrets of APIs, of the tenant and of organizations; what is no
    secret stays readable, and a change that changes nothing is none."""
    made = await api.post("/api/v2/clients", json=CLIENT, headers=POSTED)
    assert made.status_code == 201, made.text
    client = f"/api/v2/clients/{made.json()['client_id']}"
    rotated = await api.post(f"{client}/rotate-secret", headers=POSTED)
    chosen = f"{MARK}-a-secret-that-the-caller-chooses"
    assert (await api.patch(client, json={"client_secret": chosen})).status_code == 200
    server = await api.post("/api/v2/resource-servers", json=API, headers=POSTED)
    organization = await api.post(
        "/api/v2/organizations", json={"name": "at-rest", "metadata": METADATA}, headers=POSTED
    )
    settings = await api.patch("/api/v2/tenants/settings", json=TENANT)
    assert (server.status_code, organization.status_code, settings.status_code) == (201, 201, 200)
    secrets = [one.json()["client_secret"] for one in (made, rotated)]
    assert await readable(site, *secrets) == []

    got = (await api.get(client)).json()
    assert {name: got[name] for name in CLIENT} == CLIENT
    listed = (await api.get("/api/v2/clients")).json()
    assert [one["addons"] for one in listed if one["name"] == "at-rest"] == [CLIENT["addons"]]
    api_shown = (await api.get(f"/api/v2/resource-servers/{server.json()['id']}")).json()
    assert api_shown["token_encryption"] == API["token_encryption"]
    assert (await api.get("/api/v2/organizations/name/at-rest")).json()["metadata"] == METADATA
    assert (await api.get("/api/v2/organizations")).json()[0]["metadata"] == METADATA
    tenant = await api.get("/api/v2/tenants/settings")
    assert {name: tenant.json()[name] for name in TENANT} == TENANT
    unchanged = await api.patch("/api/v2/tenants/settings", json=TENANT)
    assert "vita-position" not in unchanged.headers
    same = await api.patch(client, json={"addons": CLIENT["addons"]})
    assert same.headers["etag"] == (await api.get(client)).headers["etag"]
    assert "vita-position" not in same.headers


async def test_secrets_of_people_are_sealed(site: Site, api: httpx.AsyncClient) -> None:
    """Passwords, seeds, recovery codes and identity providers' tokens are sealed; only callers with the scope
    read the tokens."""
    headers = POSTED | {"idempotency-key": "people"}
    made = await api.post(
        "/api/v2/users", json=new_user(email="at@rest.example", password=PASSWORD), headers=headers
    )
    user = made.json()
    me = path_of(user["user_id"])
    assert (await api.post(f"{me}/authentication-methods", json=TOTP, headers=POSTED)).status_code == 201
    code = (await api.post(f"{me}/recovery-code-regeneration", headers=POSTED)).json()["recovery_code"]
    await sign_in_with_tokens(site, user)
    second = (await api.post("/api/v2/users", json=new_user(email="second@rest.example"))).json()
    proof = id_token(site, second["user_id"])
    linked = await api.post(f"{me}/identities", json={"link_with": proof}, headers=POSTED)
    assert linked.status_code == 201, linked.text
    assert await readable(site, TOTP_SEED, code, proof) == []
    for shown in (
        (await api.get(me)).json(),
        (await api.get("/api/v2/users", params={"q": "email:at@rest.example"})).json()[0],
        (await api.get("/api/v2/users", params={"take": 5, "from": ""})).json()["users"][0],
        (await api.get("/api/v2/users-by-email", params={"email": "at@rest.example"})).json()[0],
    ):
        assert TOKENS.items() <= shown["identities"][0].items()
    other = site.client(["read:users"])
    for shown in (
        (await other.get(me)).json(),
        (await other.get("/api/v2/users", params={"fields": "identities"})).json()[0],
        (await other.get("/api/v2/users-by-email", params={"email": "at@rest.example"})).json()[0],
    ):
        assert TOKENS.keys().isdisjoint(shown["identities"][0])


async def test_keys_are_wrapped(site: Site) -> None:
    """Neither the private signing key nor a key of a tenant or a person can be read in any table."""
    async with site.storage.database.connection("demo") as connection:
        owners = [row["owner"] for row in await connection.fetch("SELECT owner FROM ledger.subject_key")]
        keys = await read_keys(connection, site.storage.keyring, [("demo", owner) for owner in owners])
    open_keys = [key for one in keys.values() for key in (one.profile, one.activity) if key is not None]
    private: dict[str, str] = site.issuer._key.as_dict(private=True)
    parts = [urlsafe_b64decode(private[name].encode()) for name in ("d", "p", "q", "dp", "dq", "qi")]
    assert open_keys
    assert await readable(site, *parts, *open_keys) == []


def test_a_secret_is_found_in_every_form() -> None:
    """The search of these tests finds a secret as text, in hexadecimal and in base64 at any place."""
    secret = "a secret of some length"
    wanted = forms(secret)
    for around in ("", "1", "12", "123"):
        text = f"{around}{secret}{around}".encode()
        for stored in (text, text.hex().encode(), *stored_in_base64(text)):
            assert any(form in stored for form in wanted)


def stored_in_base64(text: bytes) -> tuple[bytes, bytes]:
    """The text in both alphabets of base64."""
    return base64.b64encode(text), base64.urlsafe_b64encode(text)


async def readable(site: Site, *secrets: str | bytes) -> list[str]:
    """Where on the log, in the database or in a kept result that is opened the planted secrets, or these, can
    be read."""
    wanted = (MARK, *secrets)
    on_log = await readable_on_log(site, wanted)
    in_results = await readable_in_results(site, wanted)
    return [*on_log, *in_results, *await readable_in_database(site.database.admin, wanted)]


def id_token(site: Site, user_id: str) -> str:
    """An ID token of the installation's own issuer, for the client of the tests."""
    own, now = site.issuer, datetime.now(UTC)
    claims = {
        "iss": own.issuer, "sub": user_id, "aud": "tests", "tenant": "demo", "iat": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=5)).timestamp()),
    }  # fmt: skip
    return jws.serialize_compact(own._header, exact_json.dumps(claims), own._key, ["RS256"])


async def sign_in_with_tokens(site: Site, user: dict[str, Any]) -> None:
    """A login that brings the provider's tokens."""
    person = await site.service.commands.users.store.get("demo", user["user_id"])
    identity = user["identities"][0]
    now = truncate(datetime.now(UTC))
    data = LoginSucceededData(
        connection=identity["connection"], strategy="auth0", is_social=False, provider="auth0",
        root_policy="on_each_login", idp_id=identity["user_id"], attributes={}, tokens=TOKENS,
    )  # fmt: skip
    event = LoginSucceeded(
        id=new_event_id(now), source="/vita/test", subject=person.subject, time=now, tenant="demo",
        actor=f"connection:{identity['connection']}", data=data,
    )  # fmt: skip
    assert (await site.storage.log.writer.write([event], person.keys)).visible
