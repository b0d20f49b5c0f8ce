"""What events keep of a login's claims, on the real broker and database."""

from typing import Any

import pytest

from projections.normalization import ConnectionSettings
from schemas.events import ConnectionConfigured, LoginSucceeded
from schemas.formats import exact_json
from schemas.topics import Topic
from services.normalizer import consumer
from services.normalizer.decide import connection_registered
from tests.support.stack import Stack
from tests.worlds.pipeline import NOW, Pipeline, make_pipeline

CLAIMS = {
    "sub": "7",
    "name": "Jane Doe",
    "email": "jane@example.com",
    "hobby": {"name": "chess", "api_token": "planted"},
    "access_token": "planted",
}


def connection(strategy: str, **options: Any) -> ConnectionConfigured:
    """A connection named `c`, as an admin configures it."""
    event = connection_registered("demo", ConnectionSettings("c", strategy, {}), NOW)
    return event.model_copy(update={"data": event.data.model_copy(update={"settings": {"options": options}})})


async def signed_in(pipeline: Pipeline, strategy: str = "oidc", **data: Any) -> LoginSucceeded:
    """The event of a login through the connection `c`."""
    given = {"connection": "c", "strategy": strategy, "claims": CLAIMS, **data}
    await pipeline.send_raw(pipeline.login(data=given))
    await pipeline.normalize()
    await pipeline.project()
    found: LoginSucceeded = next(one for one in await pipeline.events() if isinstance(one, LoginSucceeded))
    return found


async def test_an_event_keeps_the_claims_sealed_and_without_secrets(pipeline: Pipeline) -> None:
    """The claims as the provider returned them, but for secrets; nothing of them is readable on the log."""
    event = await signed_in(pipeline)
    kept = {**CLAIMS, "hobby": {"name": "chess"}}
    del kept["access_token"]
    assert (event.data.claims, event.data.claims_omitted, event.data.identifier) == (kept, None, None)
    for record in await pipeline.logged(Topic.PROFILE_EVENTS):
        assert b"chess" not in record.value
        assert b'"claims"' not in record.value


async def test_claims_that_are_never_stored_are_not_kept(pipeline: Pipeline) -> None:
    """What `non_persistent_attrs` names is not in the event, the claim of the identity included."""
    await pipeline.send_events(connection("oidc", non_persistent_attrs=["email", "sub", "hobby"]))
    await pipeline.project()
    event = await signed_in(pipeline)
    assert event.data.claims == {"name": "Jane Doe"}
    assert event.data.idp_id == "c|7"


async def test_a_connection_can_keep_no_claims(pipeline: Pipeline) -> None:
    """With `keep_claims: false` the event has neither claims nor the identifier."""
    await pipeline.send_events(connection("email", keep_claims=False))
    await pipeline.project()
    event = await signed_in(pipeline, "email", claims={}, identifier="jane@example.com")
    assert (event.data.claims, event.data.identifier, event.data.claims_omitted) == (None, None, None)
    assert event.data.attributes["email"] == "jane@example.com"


async def test_a_passwordless_login_keeps_its_identifier(pipeline: Pipeline) -> None:
    """Without it the login could not be mapped again: no claim holds the address."""
    event = await signed_in(pipeline, "email", claims={}, identifier="Jane@example.com")
    assert (event.data.claims, event.data.identifier) == ({}, "Jane@example.com")


async def test_an_event_too_large_with_its_claims_says_so(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is on the log without them, and everybody can read why."""
    monkeypatch.setattr(consumer, "LARGEST_EVENT_BYTES", 50_000)
    event = await signed_in(pipeline, claims={"sub": "7", "note": "x" * 30_000})
    assert (event.data.claims, event.data.claims_omitted) == (None, "too_large")
    assert len(event.data.extras["note"]) == 30_000
    values = [record.value for record in await pipeline.logged(Topic.PROFILE_EVENTS)]
    opened = [exact_json.loads(value)["data"] for value in values]
    assert [data["claims_omitted"] for data in opened if "claims_omitted" in data] == ["too_large"]


async def test_views_hold_no_kept_claims(stack: Stack) -> None:
    """Every row is the same whether events keep claims or not."""
    found = []
    for keeps in (True, False):
        pipeline = await make_pipeline(stack)
        await pipeline.send_events(connection("oidc", keep_claims=keeps))
        await pipeline.project()
        event = await signed_in(pipeline)
        assert (event.data.claims is not None) is keeps
        row = (await pipeline.views("profile"))[event.subject]
        search = dict((await pipeline.views("search"))[event.subject])
        del search["subject"]
        found.append((row["document"], row["memory"], search))
    assert found[0] == found[1]
    assert "planted" not in str(found)
