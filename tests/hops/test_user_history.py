"""GET /users/{id}/history and /provenance: a person's events and the reasons of values, over the real log."""

from typing import Any

import httpx
import pytest

from projections.history.changes import MISSING, AttributeChange, applied
from projections.profile.document import ordered
from schemas.events import AttributesChanged, AttributesChangedData
from schemas.formats.identifiers import record_key
from schemas.sealing.mapper import Record
from tests.samples.profile_events import event
from tests.worlds.audit_trail import event as event_value
from tests.worlds.linking import Linked
from tests.worlds.management import Site, path_of
from tests.worlds.past import SCOPES, audit, created, history


def change_of(shown: dict[str, Any]) -> AttributeChange:
    """The change behind its JSON."""
    before, after = shown.get("before", MISSING), shown.get("after", MISSING)
    return AttributeChange(shown["attribute"], before, after, shown.get("key"))


def replayed(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The document that the changes of these events make, oldest first."""
    document: dict[str, Any] = {}
    for found in events:
        shown = [one for one in found["changes"] if one["attribute"] not in ("roles", "password")]
        document = applied(document, map(change_of, shown))
    return ordered(document)


async def test_each_event_says_what_it_changed(site: Site, api: httpx.AsyncClient) -> None:
    """Time, actor, request, position, attributes before and after, and words; in either order."""
    path, first = await created(api, "story@example.com")
    edit = await api.patch(path, json={"name": "Jane", "app_metadata": {"plan": "gold"}})
    await api.patch(path, json={"password": "another long and quiet Password 1"})
    events = await history(api, path, sort="time:1")
    assert [one["type"] for one in events] == [
        "profile.user.created",
        "profile.attributes.changed",
        "profile.metadata.changed",
        "profile.password.changed",
    ]
    assert events[0]["position"] == first.headers["vita-position"]
    renamed = events[1]
    assert renamed["actor"] == "client:tests"
    assert renamed["correlation_id"] == edit.headers["x-request-id"]
    assert renamed["outcome"] == "applied"
    assert {"attribute": "name", "before": "story@example.com", "after": "Jane"} in renamed["changes"]
    assert renamed["summary"] == (
        'Attributes edited by client tests; name changed from "story@example.com" to "Jane"'
    )
    assert {"attribute": "password", "hidden": True} in events[3]["changes"]
    assert "$" not in str(events[3])
    assert await history(api, path) == events[::-1]
    assert replayed(events) == (await api.get(path)).json()


async def test_pages_are_walked_by_cursor(site: Site, api: httpx.AsyncClient) -> None:
    """Pages of any size give the whole in either order, in and behind the trail; a cursor of another list is
    refused."""
    path, _ = await created(api, "pages@example.com")
    for number in range(6):
        await api.patch(path, json={"user_metadata": {"n": number}})
    await audit(site)
    await api.patch(path, json={"nickname": "last"})
    whole = await history(api, path, sort="time:1")
    assert len(whole) == 8
    for take in (1, 3, 8):
        assert await history(api, path, sort="time:1", take=take) == whole
        assert await history(api, path, sort="time:-1", take=take) == whole[::-1]
    page = (await api.get(f"{path}/history", params={"take": 1})).json()
    for asked in ({"sort": "time:1"}, {"type": "user.*"}, {"from": page["next"] + "x"}):
        refused = await api.get(f"{path}/history", params={"from": page["next"], **asked})
        assert (refused.status_code, refused.json()["errorCode"]) == (400, "invalid_query_string")


async def test_events_are_filtered_by_type_and_time(api: httpx.AsyncClient) -> None:
    """By patterns of types and a range of times; what each changed is what it changed in the whole
    history."""
    path, _ = await created(api, "filter@example.com")
    await api.patch(path, json={"name": "A"})
    blocked = (await api.patch(path, json={"blocked": True})).json()
    await api.patch(path, json={"name": "B"})
    whole = await history(api, path, sort="time:1")
    edits = await history(api, path, sort="time:1", type="attributes.*,profile.user.created")
    assert edits == [whole[0], whole[1], whole[3]]
    late = await history(api, path, sort="time:1", since=blocked["updated_at"])
    assert late == whole[2:]
    assert await history(api, path, until=blocked["updated_at"]) == whole[:2][::-1]
    for asked in ({"since": "never"}, {"until": "2026"}, {"type": "x" * 65}, {"take": "0"}, {"take": "501"}):
        refused = await api.get(f"{path}/history", params=asked)
        assert (refused.status_code, refused.json()["errorCode"]) == (400, "invalid_query_string")


async def test_linked_identities_are_told_apart(site: Site) -> None:
    """The secondary's events before the link and its logins since are among the primary's; what it does after
    it was unlinked is not."""
    world, api = Linked.over(site), site.client()
    await world.person("google-oauth2|h1")
    await world.person("github|h2")
    assert (await world.link("google-oauth2|h1", "github|h2")).status_code == 201
    await world.sign_in("github|h2")
    await world.until_counted("google-oauth2|h1", 2)
    path = path_of("google-oauth2|h1")
    events = await history(api, path, sort="time:1")
    told = [(one["type"], one["identity"]["provider"], one.get("linked")) for one in events]
    assert sorted(told, key=str) == sorted(
        [
            ("profile.login.succeeded", "google-oauth2", None),
            ("profile.login.succeeded", "github", "before"),
            ("profile.identity.linked", "github", None),
            ("profile.user.merged", "github", "before"),
            ("profile.login.succeeded", "github", "while"),
        ],
        key=str,
    )
    assert (await world.unlink("google-oauth2|h1", "github|h2")).status_code == 200
    await world.sign_in("github|h2")
    await world.until_counted("github|h2", 2)
    later = await history(api, path, sort="time:1")
    assert {one["type"] for one in later[len(events) :]} == {
        "profile.identity.unlinked",
        "profile.user.restored",
    }
    for take in (1, 2):
        assert await history(api, path, sort="time:1", take=take) == later
        assert await history(api, path, take=take) == later[::-1]
    own = await history(api, path_of("github|h2"), sort="time:1")
    assert [one["type"].removeprefix("profile.") for one in own] == [
        "login.succeeded", "user.merged", "login.succeeded", "user.restored", "login.succeeded",
    ]  # fmt: skip
    assert [one["outcome"] for one in own].count("forwarded") == 1


async def test_forged_records_are_left_out(site: Site) -> None:
    """A record that names the user without having been sealed with the user's key, or under another key of
    the topic, is in no history, whether the trail covers it or not."""
    world, api = Linked.over(site), site.client()
    await world.person("google-oauth2|f1")
    subject, path = world.subjects["google-oauth2|f1"], path_of("google-oauth2|f1")
    value = event_value(1, subject=subject)
    for key in (record_key("demo", subject), b"demo/another"):
        await world.pipeline.send_events(Record(key, value))
    await world.sign_in("google-oauth2|f1")
    await world.until_counted("google-oauth2|f1", 2)
    events = await history(api, path, sort="time:1")
    assert [one["type"] for one in events] == ["profile.login.succeeded"] * 2
    await audit(site)
    assert await history(api, path, sort="time:1") == events
    assert await history(api, path, sort="time:1", take=1) == events
    past = await site.client(SCOPES).get(path, params={"as_of": events[-1]["position"]})
    assert past.content == (await site.client(SCOPES).get(path)).content


async def test_a_deleted_user_keeps_the_history(api: httpx.AsyncClient) -> None:
    """The deletion is its last event; the profile was there before."""
    path, _ = await created(api, "kept@example.com")
    await api.delete(path)
    events = await history(api, path)
    assert [one["type"] for one in events] == ["profile.user.deleted", "profile.user.created"]
    assert all("after" not in change for change in events[0]["changes"])
    assert (await api.get(f"{path}/provenance")).status_code == 404


async def test_each_attribute_names_its_source(site: Site) -> None:
    """Event, time, connection or actor, and claim; where a linked identity or the provider disagree, the
    other values and the rule."""
    world, api = Linked.over(site), site.client()
    names = {"name": "Jane Doe", "nickname": "jane"}
    await world.person(
        "google-oauth2|w1", attributes=names, sources={"name": "displayName"}, root_policy="unless_edited"
    )
    path = path_of("google-oauth2|w1")
    data = AttributesChangedData(changed=("nickname",), values={"nickname": "jd"})
    await world.pipeline.send_events(
        event(AttributesChanged, data, 600, subject=world.subjects["google-oauth2|w1"])
    )
    await world.person("github|w2", attributes={"name": "J. Doe"})
    await world.link("google-oauth2|w1", "github|w2")
    answer = await site.client(SCOPES).get(f"{path}/provenance")
    assert answer.status_code == 200
    found = {one["attribute"]: one for one in answer.json()["attributes"]}
    document = (await api.get(path)).json()
    assert {name: one["value"] for name, one in found.items()} == document
    assert all(one["event"] and one["time"] and one["by"] and one["position"] for one in found.values())
    assert (found["name"]["by"], found["name"]["claim"]) == ("connection:google-oauth2", "displayName")
    (other,) = found["name"]["alternatives"]
    assert (other["value"], other["identity"], other["rule"]) == ("J. Doe", "github|w2", "primary_identity")
    assert (found["nickname"]["by"], found["nickname"]["claim"]) == ("client:admin", "edit")
    (other,) = found["nickname"]["alternatives"]
    assert (other["value"], other["rule"]) == ("jane", "edit_kept")
    asked = {"as_of": found["name"]["time"], "attributes": "nickname,name"}
    past = (await api.get(f"{path}/provenance", params=asked)).json()
    assert {one["attribute"]: one["value"] for one in past["attributes"]} == names


@pytest.mark.parametrize("what", ["history", "provenance"])
async def test_the_past_needs_both_scopes_and_the_tenant(
    site: Site, api: httpx.AsyncClient, what: str
) -> None:
    """403 without either scope, 404 in another tenant and for nobody."""
    path, _ = await created(api, f"{what}@example.com")
    for scopes in (["read:users"], ["read:user_history"]):
        answer = await site.client(scopes).get(f"{path}/{what}")
        assert (answer.status_code, answer.json()["errorCode"]) == (403, "insufficient_scope")
    assert (await site.client(SCOPES, tenant="other").get(f"{path}/{what}")).status_code == 404
    assert (await api.get(f"{path_of('auth0|nobody')}/{what}")).status_code == 404
