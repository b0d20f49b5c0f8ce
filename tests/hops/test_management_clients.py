"""API clients and their grants: made, changed, rotated, deleted, and what tokens they get meanwhile."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest

from services.cli.addresses import Ledger
from services.cli.tenants.registration import NewClient, configure_client
from tests.support.stack import Stack
from tests.worlds.management import Site

CLIENTS, GRANTS = "/api/v2/clients", "/api/v2/client-grants"
OURS = "http://vita/api/v2/"


async def make(api: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await api.post(CLIENTS, json={"name": "App", "app_type": "non_interactive", **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def grant(api: httpx.AsyncClient, client_id: str, *scopes: str, audience: str = OURS) -> httpx.Response:
    body = {"client_id": client_id, "audience": audience, "scope": list(scopes)}
    return await api.post(GRANTS, json=body)


async def token(api: httpx.AsyncClient, client: dict[str, Any], **changes: str) -> httpx.Response:
    form = {
        "grant_type": "client_credentials", "audience": OURS,
        "client_id": client["client_id"], "client_secret": client["client_secret"],
    }  # fmt: skip
    return await api.post("/oauth/token", data=form | changes)


async def test_a_client_lives_from_its_making_to_its_end(api: httpx.AsyncClient) -> None:
    """Made with a secret that is shown once; read, changed and deleted as Auth0's."""
    made = await make(api, name="Back office", description="Nightly", client_metadata={"team": "a", "x": "y"})
    assert (made["name"], made["app_type"], made["grant_types"]) == (
        "Back office", "non_interactive", ["client_credentials"],
    )  # fmt: skip
    assert len(made["client_id"]) == 32
    assert len(made["client_secret"]) == 64
    path = f"{CLIENTS}/{made['client_id']}"
    read = await api.get(path)
    assert read.json() == {name: value for name, value in made.items() if name != "client_secret"}
    assert (await api.get(path, headers={"if-none-match": read.headers["etag"]})).status_code == 304
    body = {"name": "Office", "client_metadata": {"x": None, "z": "1"}}
    changed = await api.patch(path, json=body, headers={"if-match": read.headers["etag"]})
    assert changed.json() == {**read.json(), "name": "Office", "client_metadata": {"team": "a", "z": "1"}}
    late = await api.patch(path, json={"name": "Late"}, headers={"if-match": read.headers["etag"]})
    assert late.status_code == 412
    assert (await api.get(path, params={"fields": "client_id,name"})).json() == {
        "name": "Office", "client_id": made["client_id"],
    }  # fmt: skip
    for _ in range(2):
        assert (await api.delete(path)).status_code == 204
    gone = await api.get(path)
    assert (gone.status_code, gone.json()["message"], gone.json()["errorCode"]) == (
        404, "The client does not exist", "inexistent_client",
    )  # fmt: skip
    assert (await api.patch(path, json={"name": "x"})).status_code == 404


async def test_tokens_carry_what_the_grant_says(api: httpx.AsyncClient) -> None:
    """None without one; its scopes with one; others from the moment it is changed; none when it is gone."""
    client = await make(api)
    refused = await token(api, client)
    assert (refused.status_code, refused.json()["error"]) == (403, "access_denied")
    made = await grant(api, client["client_id"], "read:users", "read:users", "read:connections")
    assert made.status_code == 201
    assert made.json() | {"id": "", "audience": ""} == {
        "id": "", "client_id": client["client_id"], "audience": "", "subject_type": "client",
        "scope": ["read:users", "read:connections"],
    }  # fmt: skip
    assert made.json()["id"].startswith("cgr_")
    issued = (await token(api, client)).json()
    assert issued["scope"] == "read:users read:connections"
    headers = {"authorization": f"Bearer {issued['access_token']}"}
    assert (await api.get("/api/v2/connections", headers=headers)).status_code == 200
    assert (await api.get(CLIENTS, headers=headers)).status_code == 403
    path = f"{GRANTS}/{made.json()['id']}"
    assert (await api.patch(path, json={"scope": ["read:users"]})).json()["scope"] == ["read:users"]
    assert (await token(api, client)).json()["scope"] == "read:users"
    assert (await token(api, client, scope="read:connections")).json()["error"] == "invalid_scope"
    assert (await api.get("/api/v2/connections", headers=headers)).status_code == 200
    for _ in range(2):
        assert (await api.delete(path)).status_code == 204
    assert (await token(api, client)).status_code == 403


async def test_a_rotated_secret_counts_at_once(api: httpx.AsyncClient) -> None:
    """The old one gets no token any more, the new one does."""
    client = await make(api)
    await grant(api, client["client_id"], "read:users")
    rotated = await api.post(f"{CLIENTS}/{client['client_id']}/rotate-secret")
    assert rotated.status_code == 200
    assert rotated.headers["cache-control"] == "no-store"
    fresh = rotated.json()
    assert fresh["client_secret"] != client["client_secret"]
    assert (await token(api, client)).status_code == 401
    assert (await token(api, fresh)).status_code == 200


async def test_changes_at_once_undo_nothing(api: httpx.AsyncClient) -> None:
    """After concurrent rotations and renames, the last returned secret is valid and the last name is
    stored."""
    client = await make(api)
    await grant(api, client["client_id"], "read:users")
    path = f"{CLIENTS}/{client['client_id']}"
    answers = await asyncio.gather(
        *(api.post(f"{path}/rotate-secret") for _ in range(3)),
        *(api.patch(path, json={"description": f"d{number}"}) for number in range(3)),
    )
    done = [answer for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 409}
    rotated = [answer.json() for answer in done if "client_secret" in answer.json()]
    assert len(rotated) >= 1
    working = [one for one in rotated if (await token(api, one)).status_code == 200]
    assert len(working) == 1
    assert (await token(api, client)).status_code == 401


async def test_deleting_a_client_ends_its_tokens_to_be(site: Site, api: httpx.AsyncClient) -> None:
    """No new token, no grant left; a token there is stays good until it expires."""
    client = await make(api)
    await grant(api, client["client_id"], "read:users")
    issued = (await token(api, client)).json()["access_token"]
    assert (await api.delete(f"{CLIENTS}/{client['client_id']}")).status_code == 204
    assert (await token(api, client)).status_code == 401
    assert (await api.get(GRANTS, params={"client_id": client["client_id"]})).json() == []
    assert (await api.get("/api/v2/users", headers={"authorization": f"Bearer {issued}"})).status_code == 200


async def test_clients_of_the_command_line_stay_as_they_are(site: Site, stack: Stack) -> None:
    """Their scopes are as good as a grant; a grant adds to them; they can be renamed and rotated."""
    ledger = Ledger(site.database.url_for("vita_operator"), site.service.settings.key_provider)
    made = NewClient("demo", "by-hand", "By hand", ("read:users",), "a secret long enough to be one")
    assert await configure_client(ledger, stack.kafka, site.prefix + "profile.events", made)
    api, client = site.client(), {"client_id": "by-hand", "client_secret": made.secret}
    assert (await token(api, client)).json()["scope"] == "read:users"
    await grant(api, "by-hand", "read:connections")
    assert (await token(api, client)).json()["scope"] == "read:users read:connections"
    assert (await api.patch(f"{CLIENTS}/by-hand", json={"name": "Renamed"})).json()["name"] == "Renamed"
    assert (await token(api, client)).status_code == 200


async def test_an_api_of_ones_own_has_its_own_tokens(site: Site, api: httpx.AsyncClient) -> None:
    """A token for another audience carries that grant's scopes and does not open this API."""
    client = await make(api)
    unknown = await grant(api, client["client_id"], "read:orders", audience="https://orders.example/")
    assert (unknown.status_code, unknown.json()["message"]) == (404, "Resource server not found.")
    assert (await grant(api, client["client_id"], audience="vita:management")).status_code == 404
    assert (await token(api, client, audience="https://orders.example/")).status_code == 403
    assert (await token(api, client, audience="vita:management")).status_code == 403


async def test_one_grant_for_each_client_and_api(api: httpx.AsyncClient) -> None:
    """409 for a second one, also under another name of this API and at once; 404 for a client that is not."""
    client = await make(api)
    answers = await asyncio.gather(*(grant(api, client["client_id"], f"read:s{n}") for n in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    again = await grant(api, client["client_id"], audience="https://vita/api/v2")
    assert again.status_code == 409
    assert (await grant(api, "nobody", "read:users")).json()["errorCode"] == "inexistent_client"
    unknown = await api.patch(f"{GRANTS}/cgr_nope", json={"scope": []})
    assert (unknown.status_code, unknown.json()["message"]) == (404, "Client grant not found.")


@pytest.mark.parametrize("app_type", ["spa", "native"])
async def test_public_clients_have_no_secret(api: httpx.AsyncClient, app_type: str) -> None:
    """They cannot keep one; so there is none to rotate."""
    made = await make(api, app_type=app_type)
    assert "client_secret" not in made
    assert made["token_endpoint_auth_method"] == "none"
    refused = await api.post(f"{CLIENTS}/{made['client_id']}/rotate-secret")
    assert (refused.status_code, refused.json()["errorCode"]) == (400, "operation_not_supported")


async def test_a_client_without_the_grant_type_gets_no_token(api: httpx.AsyncClient) -> None:
    """Without the grant type `client_credentials` the right secret does not help."""
    client = await make(api, grant_types=["authorization_code"])
    await grant(api, client["client_id"], "read:users")
    refused = await token(api, client)
    assert (refused.status_code, refused.json()["error"]) == (403, "unauthorized_client")


async def test_lists_come_in_pages(site: Site) -> None:
    """Lists are paged by offset and by cursor and can be filtered; no list contains a secret."""
    api = site.client(tenant="other")
    for number in range(5):
        client = await make(api, name=f"L{number}", app_type="spa" if number % 2 else "non_interactive")
        await grant(api, client["client_id"], "read:users")
    page = (await api.get(CLIENTS, params={"per_page": 2, "page": 1, "include_totals": "true"})).json()
    assert [one["name"] for one in page["clients"]] == ["L2", "L3"]
    assert (page["start"], page["limit"], page["total"]) == (2, 2, 5)
    assert [one["name"] for one in (await api.get(CLIENTS, params={"app_type": "spa"})).json()] == [
        "L1",
        "L3",
    ]
    names, cursor = [], None
    while True:
        query = {"take": "2"} | ({} if cursor is None else {"from": cursor})
        found = (await api.get(CLIENTS, params=query)).json()
        names += [one["name"] for one in found["clients"]]
        assert not [one for one in found["clients"] if "client_secret" in one]
        cursor = found.get("next")
        if cursor is None:
            break
    assert names == [f"L{number}" for number in range(5)]
    grants = (await api.get(GRANTS, params={"take": 3, "audience": OURS})).json()
    assert (len(grants["client_grants"]), "next" in grants) == (3, True)
    assert (await site.client().get(GRANTS, params={"client_id": client["client_id"]})).json() == []


async def test_no_secret_is_kept_anywhere(site: Site, api: httpx.AsyncClient) -> None:
    """The view has a hash; the log has neither the secret nor, readable, the hash."""
    client = await make(api, name="Secretive")
    connection = await asyncpg.connect(site.database.admin)
    row = await connection.fetchrow("SELECT * FROM views.client WHERE client_id = $1", client["client_id"])
    await connection.close()
    assert row["secret_hash"].startswith("sha256$")
    assert client["client_secret"] not in str(dict(row))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "<b>"},
        {"name": 7},
        {"name": "a", "client_secret": "x"},
        {"name": "a", "client_id": "mine"},
        {"name": "a", "app_type": "x"},
        {"name": "a", "callbacks": "x"},
        {"name": "a", "client_metadata": {"a": 1}},
        {"name": "a", "grant_types": None},
    ],
)
async def test_bad_clients_are_refused(api: httpx.AsyncClient, body: dict[str, Any]) -> None:
    """A closed schema: neither ids nor secrets are the caller's to choose."""
    answer = await api.post(CLIENTS, json=body)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_body")
