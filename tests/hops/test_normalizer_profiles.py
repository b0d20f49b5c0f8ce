"""A connection that names a user attribute profile, from the raw login to the profile that is shown."""

from typing import Any

from schemas.events import (
    ConnectionConfigured,
    ConnectionConfiguredData,
    LoginSucceeded,
    SettingData,
    UserAttributeProfileConfigured,
)
from schemas.formats.identifiers import tenant_subject
from tests.worlds.pipeline import Pipeline

DEMO = tenant_subject("demo")


def profile(pipeline: Pipeline, claim: str, **changes: Any) -> Any:
    """A profile that reads addresses from a claim."""
    email = {"auth0_mapping": "email", "oidc_mapping": {"mapping": claim}}
    data = SettingData(
        setting_id="uap_1", name="Staff", settings={"user_attributes": {"mail": email}}, **changes
    )
    return pipeline.event(UserAttributeProfileConfigured, DEMO, data)


async def signed_in(pipeline: Pipeline, nth: int) -> str:
    """The email address of a user who logs in now, with the nth raw login."""
    claims = {"sub": "7", "email": "home@example.com", "work": "work@example.com", "other": "o@example.com"}
    await pipeline.send_raw(pipeline.login(data={"connection": "corp", "strategy": "oidc", "claims": claims}))
    await pipeline.normalize({0: nth})
    logins = [event for event in await pipeline.events() if isinstance(event, LoginSucceeded)]
    assert len(logins) == nth + 1
    return str(max(logins, key=lambda event: event.sourceposition or "").data.attributes["email"])


async def test_logins_are_read_as_the_named_profile_says(pipeline: Pipeline) -> None:
    """From the next login on when the profile changes; as the strategy reads them when it is gone."""
    options = {"options": {"user_attribute_profile_id": "uap_1"}}
    data = ConnectionConfiguredData(
        connection_id="con_1", connection="corp", strategy="oidc", settings=options
    )
    await pipeline.send_events(pipeline.event(ConnectionConfigured, DEMO, data), profile(pipeline, "work"))
    await pipeline.project()
    assert await signed_in(pipeline, 0) == "work@example.com"
    await pipeline.send_events(profile(pipeline, "${context.tokenset.other}"))
    await pipeline.project()
    assert await signed_in(pipeline, 1) == "o@example.com"
    await pipeline.send_events(profile(pipeline, "work", deleted=True))
    await pipeline.project()
    assert await signed_in(pipeline, 2) == "home@example.com"
