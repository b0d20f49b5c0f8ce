"""Events about logins, successful or not."""

from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.envelope import Envelope
from schemas.events.fields import ACTIVITY, OPEN, PROFILE, ClientId, ConnectionName, EventData, IdpId, Slug
from schemas.events.seen import SeenAccount, SeenDevice, SeenRefreshToken, SeenSession

RootPolicy = Literal["on_each_login", "on_first_login", "never_on_login", "unless_edited"]
"""When a login may write root attributes. The first three are values of
`options.set_user_root_attributes` (spec §1.4). `unless_edited` is for stores whose profiles are edited in
Vita (database, passwordless): logins do not overwrite an admin's edit."""


class LoginSucceededData(EventData):
    """A login through a connection, with the normalized claims of the provider.

    `claims` are those that the provider returned, without secrets and without what the connection's
    `non_persistent_attrs` names; `identifier` is the address to which a passwordless code was sent. Only
    mapping the login again reads them: no view does. Both are absent if the connection's `keep_claims` is
    False, or if the event would be too large with them, which `claims_omitted` says.
    """

    connection: Annotated[ConnectionName, OPEN]
    strategy: Annotated[Slug, OPEN]
    is_social: Annotated[bool, OPEN]
    root_policy: Annotated[RootPolicy, OPEN]
    client_id: Annotated[ClientId | None, PROFILE] = None
    protocol: Annotated[Slug | None, PROFILE] = None
    provider: Annotated[Slug, PROFILE]
    idp_id: Annotated[IdpId, PROFILE]
    attributes: Annotated[dict[str, Any], PROFILE]
    extras: Annotated[dict[str, Any], PROFILE] = Field(default_factory=dict)
    sources: Annotated[dict[str, str], PROFILE] = Field(default_factory=dict)
    claims: Annotated[dict[str, Any] | None, PROFILE] = None
    claims_omitted: Annotated[Literal["too_large"] | None, OPEN] = None
    identifier: Annotated[str | None, PROFILE] = None
    tokens: Annotated[dict[str, Any] | None, PROFILE] = None
    ip: Annotated[str | None, ACTIVITY] = None
    user_agent: Annotated[str | None, ACTIVITY] = None
    session_id: Annotated[str | None, ACTIVITY] = None
    session: Annotated[SeenSession | None, ACTIVITY] = None
    refresh_token: Annotated[SeenRefreshToken | None, ACTIVITY] = None
    device: Annotated[SeenDevice | None, ACTIVITY] = None
    audience: Annotated[str | None, PROFILE] = None
    scope: Annotated[str | None, PROFILE] = None
    organization_id: Annotated[str | None, PROFILE] = None
    connected_account: Annotated[SeenAccount | None, PROFILE] = None


class LoginSucceeded(Envelope):
    """A login succeeded. The first one of a subject creates the profile."""

    type: Literal["profile.login.succeeded"] = "profile.login.succeeded"
    dataversion: Literal[1] = 1
    data: LoginSucceededData


class LoginFailedData(EventData):
    """A refused login. `reason` is one of `schemas.logins.reasons`; `detail` has the gateway's own words."""

    connection: Annotated[ConnectionName, OPEN]
    strategy: Annotated[Slug, OPEN]
    reason: Annotated[Slug, OPEN]
    is_social: Annotated[bool | None, OPEN] = None
    client_id: Annotated[ClientId | None, PROFILE] = None
    protocol: Annotated[Slug | None, PROFILE] = None
    identifier: Annotated[str | None, ACTIVITY] = None
    claims: Annotated[dict[str, Any] | None, ACTIVITY] = None
    detail: Annotated[str | None, ACTIVITY] = None
    ip: Annotated[str | None, ACTIVITY] = None
    user_agent: Annotated[str | None, ACTIVITY] = None
    session_id: Annotated[str | None, ACTIVITY] = None


class LoginFailed(Envelope):
    """A login failed, of a known user or of an anonymous subject if it names no known user."""

    type: Literal["profile.login.failed"] = "profile.login.failed"
    dataversion: Literal[1] = 1
    data: LoginFailedData
