"""GET /users/{id}?as_of: a user at a past moment, read from the log through the audit trail's index."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.worlds.linking import Linked
from tests.worlds.management import Site, path_of
from tests.worlds.past import SCOPES, audit, created


@pytest.mark.parametrize("is_audited", [False, True], ids=["behind the trail", "in the trail"])
async def test_every_revision_is_answered_as_it_was(
    site: Site, api: httpx.AsyncClient, is_audited: bool
) -> None:
    """At the position and at the time of each write the answer is the one of then, byte for byte, whether the
    trail covers it or not."""
    path, first = await created(api, f"jane{is_audited}@example.com", user_metadata={"a": 1})
    edits = ({"name": "Jane"}, {"user_metadata": {"b": [1.0, None]}}, {"blocked": True}, {"name": "J"})
    answers = [first, *[await api.patch(path, json=body) for body in edits]]
    if is_audited:
        await audit(site)
    for answer in answers:
        for moment in (answer.headers["vita-position"], answer.json()["updated_at"]):
            past = await api.get(path, params={"as_of": moment})
            assert (past.status_code, past.content) == (200, answer.content)
            assert past.headers["etag"] == answer.headers["etag"]
            assert past.headers["vita-position"] == answer.headers["vita-position"]
    now = await api.get(path, params={"as_of": datetime.now(UTC).isoformat()})
    assert now.content == (await api.get(path)).content


async def test_fields_are_selected_as_now(api: httpx.AsyncClient) -> None:
    """`fields` and `include_fields` work on the past, and If-None-Match answers 304."""
    path, answer = await created(api, "fields@example.com")
    await api.patch(path, json={"name": "Later"})
    asked = {"as_of": answer.headers["vita-position"], "fields": "name,email"}
    past = await api.get(path, params=asked)
    assert past.json() == {"email": "fields@example.com", "name": "fields@example.com"}
    rest = await api.get(path, params={**asked, "include_fields": "false"})
    assert "name" not in rest.json()
    assert "user_id" in rest.json()
    known = await api.get(path, params=asked, headers={"if-none-match": answer.headers["etag"]})
    assert known.status_code == 304


async def test_a_deleted_user_is_answered_as_of_before(site: Site, api: httpx.AsyncClient) -> None:
    """Before the creation and after the deletion nobody existed, and the answer says which it was."""
    path, answer = await created(api, "gone@example.com")
    gone = await api.delete(path)
    assert gone.status_code == 204
    assert (await api.get(path)).status_code == 404
    past = await api.get(path, params={"as_of": answer.headers["vita-position"]})
    assert past.content == answer.content
    later = await api.get(path, params={"as_of": gone.headers["vita-position"]})
    assert later.status_code == 404
    assert later.json()["errorCode"] == "inexistent_user"
    assert "had been deleted at" in later.json()["message"]
    earlier = await api.get(path, params={"as_of": "2026-01-01T00:00:00Z"})
    assert (earlier.status_code, earlier.json()["message"]) == (
        404,
        "The user did not exist yet at this moment.",
    )


@pytest.mark.parametrize(
    "moment",
    [
        "yesterday",
        "2026-13-01T00:00:00Z",
        "2026-11-23T10:00:00+99:00",
        "1:",
        "-1:0",
        "x\x01",
        "0000",
        "",
        "１:１",
    ],
)
async def test_what_is_no_moment_is_refused(api: httpx.AsyncClient, moment: str) -> None:
    """Neither a time nor a position: 400 in the documented shape."""
    path, _ = await created(api, f"bad{moment.encode().hex()}@example.com")
    answer = await api.get(path, params={"as_of": moment})
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_query_string")
    assert "as_of" in answer.json()["message"]


async def test_the_future_and_other_partitions_are_refused(api: httpx.AsyncClient) -> None:
    """A time to come, a position that the log does not have yet, and one of other users' events."""
    path, answer = await created(api, "future@example.com")
    partition, offset = map(int, answer.headers["vita-position"].split(":"))
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    wanted = {
        tomorrow: "future",
        "9999-12-31T23:59:59Z": "future",
        f"{partition}:{offset + 100_000}": "beyond the end",
        f"{partition}:999999999999999999": "beyond the end",
        f"{(partition + 1) % 12}:0": f"partition {partition}",
        "999:0": f"partition {partition}",
    }
    for moment, said in wanted.items():
        refused = await api.get(path, params={"as_of": moment})
        assert (refused.status_code, said in refused.json()["message"]) == (400, True), refused.text


async def test_the_past_needs_both_scopes(site: Site, api: httpx.AsyncClient) -> None:
    """Reading users alone does not open the past, nor does the history alone, nor one's own profile."""
    path, _ = await created(api, "scopes@example.com")
    asked = {"as_of": datetime.now(UTC).isoformat()}
    for scopes in (["read:users"], ["read:user_history"], ["read:current_user"]):
        answer = await site.client(scopes).get(path, params=asked)
        assert (answer.status_code, answer.json()["errorCode"]) == (403, "insufficient_scope")
    assert (await site.client(SCOPES).get(path, params=asked)).status_code == 200


async def test_another_tenant_sees_nobody(site: Site, api: httpx.AsyncClient) -> None:
    """Neither the past nor that there was one."""
    path, _ = await created(api, "tenant@example.com")
    for asked in ({"as_of": datetime.now(UTC).isoformat()}, {"as_of": "2026-01-01T00:00:00Z"}):
        answer = await site.client(tenant="other").get(path, params=asked)
        assert (answer.status_code, answer.json()["message"]) == (404, "The user does not exist.")
    for user_id in ("auth0|nobody", "nobody", "|", "auth0|\x00"):
        answer = await api.get(path_of(user_id), params={"as_of": "2026-01-01T00:00:00Z"})
        assert answer.status_code == 404


async def test_an_erased_user_is_gone(site: Site, api: httpx.AsyncClient) -> None:
    """Once the keys are destroyed nobody opens the history: 410, for every moment."""
    path, answer = await created(api, "erased@example.com")
    provider, _, idp_id = answer.json()["user_id"].partition("|")
    async with site.database.connected() as admin:
        await admin.execute(
            "UPDATE ledger.subject_key SET profile = NULL, activity = NULL FROM ledger.directory AS d"
            " WHERE d.provider = $1 AND d.idp_id = $2 AND owner = d.subject", provider, idp_id,
        )  # fmt: skip
    past = await api.get(path, params={"as_of": answer.headers["vita-position"]})
    assert (past.status_code, past.json()["errorCode"]) == (410, "user_erased")


async def test_a_linked_user_was_one_of_its_own_before(site: Site) -> None:
    """Before the link each is there; while linked, the secondary says that it was; tokens need their
    scope."""
    world, api = Linked.over(site), site.client()
    await world.person("google-oauth2|p1")
    before = await world.person("google-oauth2|p2", tokens={"access_token": "secret"})
    linked = await world.link("google-oauth2|p1", "google-oauth2|p2")
    assert linked.status_code == 201
    path = path_of("google-oauth2|p2")
    moment = {"as_of": before["last_login"]}
    past = await site.client(SCOPES).get(path, params=moment)
    assert past.json() == before
    shown = await api.get(path, params=moment)
    assert shown.json()["identities"][0]["access_token"] == "secret"
    while_linked = await api.get(path, params={"as_of": datetime.now(UTC).isoformat()})
    assert (while_linked.status_code, "linked to another user" in while_linked.json()["message"]) == (
        404,
        True,
    )
