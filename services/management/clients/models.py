"""Requests and responses of API clients and client grants."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from schemas.events.fields import SAFE
from services.management.http.models.fields import Body, Given, QueryBoolean
from services.management.http.models.paging import AnyPage
from services.management.http.models.query import Selected
from services.management.http.models.results import Result

AppType = Literal[
    "native", "spa", "regular_web", "non_interactive", "resource_server", "express_configuration",
    "rms", "box", "cloudbees", "concur", "dropbox", "mscrm", "echosign", "egnyte", "newrelic", "office365",
    "salesforce", "sentry", "sharepoint", "slack", "springcm", "zendesk", "zoom", "sso_integration", "oag",
]  # fmt: skip
Method = Literal["none", "client_secret_post", "client_secret_basic"]
Name = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^<>]*$"), SAFE]
Texts = Annotated[list[Annotated[str, Field(max_length=2048)]], Field(max_length=10_000)]
Text = Annotated[str, Field(max_length=2048)]
Object = dict[str, Any]
Metadata = Annotated[dict[str, Annotated[str, Field(max_length=255)] | None], Field(max_length=10)]
Audience = Annotated[str, Field(min_length=1, max_length=600)]
Secret = Annotated[str, Field(min_length=32, max_length=512)]
Scope = Annotated[str, Field(pattern=r"^[!#-\[\]-~]{1,128}$")]
Scopes = Annotated[list[Scope], Field(max_length=1000)]


class KeptByClients(Body):
    """Client settings that have no effect. They are stored and returned as sent, including null."""

    addons: Object | None = None
    anonymous_sessions: Object | None = None
    async_approval_notification_channels: list[str] | None = None
    b2b_integration_configuration: Object | None = None
    client_authentication_methods: Object | None = None
    compliance_level: str | None = None
    cross_origin_auth: bool | None = None
    cross_origin_loc: Text | None = None
    custom_login_page: str | None = None
    custom_login_page_preview: str | None = None
    default_organization: Object | None = None
    encryption_key: Object | None = None
    enforce_anon_session_transfer_network_binding: str | None = None
    express_configuration: Object | None = None
    fedcm_login: Object | None = None
    form_template: str | None = None
    identity_assertion_authorization_grant: Object | None = None
    is_token_endpoint_ip_header_trusted: bool | None = None
    mobile: Object | None = None
    my_organization_configuration: Object | None = None
    native_social_login: Object | None = None
    oidc_backchannel_logout: Object | None = None
    oidc_logout: Object | None = None
    oidc_support: Object | None = None
    organization_discovery_methods: list[str] | None = None
    par_request_expiry: int | None = None
    redirection_policy: str | None = None
    require_proof_of_possession: bool | None = None
    require_pushed_authorization_requests: bool | None = None
    resource_server_identifier: Text | None = None
    session_transfer: Object | None = None
    signed_request_object: Object | None = None
    skip_non_verifiable_callback_uri_confirmation_prompt: bool | None = None
    third_party_security_mode: str | None = None
    token_exchange: Object | None = None
    token_quota: Object | None = None
    token_vault_privileged_access: Object | None = None


class _Client(KeptByClients):
    """The properties that requests to create and to change a client share."""

    description: Annotated[Annotated[str, Field(max_length=140)] | None, Given] = Field(
        None, description="Free text description of this client (max length: 140 characters)."
    )
    app_type: AppType | None = Field(None, description="The type of application.")
    grant_types: Annotated[Texts | None, Given] = Field(
        None, description="List of grant types supported for this application."
    )
    token_endpoint_auth_method: Annotated[Method | None, Given] = Field(
        None, description="The method of authentication for the token endpoint."
    )
    is_first_party: Annotated[bool | None, Given] = Field(
        None, description="Whether this client is a first party client."
    )
    oidc_conformant: Annotated[bool | None, Given] = Field(
        None, description="Whether this client conforms to strict OIDC specifications."
    )
    logo_uri: Text | None = Field(None, description="URL of the logo to display.")
    callbacks: Texts | None = Field(None, description="Allowed callback URLs.")
    allowed_origins: Texts | None = Field(None, description="Allowed origins.")
    web_origins: Texts | None = Field(None, description="Allowed web origins.")
    allowed_logout_urls: Texts | None = Field(None, description="Allowed logout URLs.")
    allowed_clients: Texts | None = Field(None, description="Allowed clients.")
    client_aliases: Texts | None = Field(None, description="Aliases of the client.")
    initiate_login_uri: Text | None = Field(None, description="The URL at which a login starts.")
    jwt_configuration: Object | None = Field(
        None, description="Configuration of the token's signature and lifetime."
    )
    refresh_token: Object | None = Field(None, description="Refresh token configuration.")
    sso: Annotated[bool | None, Given] = Field(None, description="Applies only to single sign-on clients.")
    sso_disabled: Annotated[bool | None, Given] = Field(None, description="Disables single sign-on.")
    cross_origin_authentication: Annotated[bool | None, Given] = Field(
        None, description="Whether cross-origin authentication requests can be made."
    )
    custom_login_page_on: Annotated[bool | None, Given] = Field(
        None, description="Whether a custom login page is to be used."
    )
    organization_usage: Literal["deny", "allow", "require"] | None = Field(
        None, description="How to proceed during an authentication transaction with regards to organizations."
    )
    organization_require_behavior: Literal["no_prompt", "pre_login_prompt", "post_login_prompt"] | None = (
        Field(None, description="How to proceed when organization_usage is `require`.")
    )
    client_metadata: Annotated[Metadata | None, Given] = Field(
        None, description="Metadata associated with the client; `null` removes a key on update."
    )


class CreateClient(_Client):
    """A new client. The service generates its id and its secret."""

    name: Name = Field(
        description="Name of this client (min length: 1 character, does not allow `<` or `>`).",
        examples=["Back office"],
    )


class UpdateClient(_Client):
    """The properties to replace."""

    at_least = 1

    name: Annotated[Name | None, Given] = Field(None, description="The name of the client.")
    client_secret: Annotated[Secret | None, Given] = Field(
        None, description="A secret chosen by the caller. A hash of it is stored; it is never shown."
    )


class ClientFields(Selected):
    """The fields to return. Unknown parameters are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class ListClients(AnyPage, Selected):
    """A page of clients. Unknown parameters are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    is_first_party: QueryBoolean | None = Field(None, description="Filter on first party clients.")
    app_type: str | None = Field(None, description="Filter by a comma-separated list of application types.")


class KeptByGrants(Body):
    """Grant settings that have no effect. They are stored and returned as sent."""

    organization_usage: Literal["deny", "allow", "require"] | None = None
    allow_any_organization: bool | None = None
    authorization_details_types: list[str] | None = None
    allow_all_scopes: bool | None = Field(
        None, description="Stored and returned; has no effect. Only `scope` grants scopes."
    )


class CreateGrant(KeptByGrants):
    """A new client grant."""

    client_id: Annotated[Annotated[str, Field(pattern=r"^[A-Za-z0-9._~:/-]{1,128}$")] | None, Given] = Field(
        None,
        description="ID of the client; required unless default_for is given.",
        examples=["Xa1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p"],
    )
    default_for: Annotated[Literal["third_party_clients"] | None, Given] = Field(
        None, description="Makes the grant a default of third-party clients instead of one client's."
    )
    subject_type: Annotated[Literal["client", "user", "anonymous_user"] | None, Given] = Field(
        None,
        description="The kind of tokens that the grant applies to. Vita uses only grants for `client`.",
    )
    audience: Audience = Field(
        description="The audience (API identifier) of this client grant.",
        examples=["https://localhost:8443/api/v2/"],
    )
    scope: Annotated[Scopes | None, Given] = Field(
        None, description="Scopes allowed for this client grant.", examples=[["read:users"]]
    )


class UpdateGrant(KeptByGrants):
    """The new scopes of a client grant."""

    at_least = 1

    scope: Annotated[Scopes | None, Given] = Field(
        None, description="Scopes allowed for this client grant.", examples=[["read:users"]]
    )


class ListClientGrants(AnyPage):
    """A page of client grants."""

    audience: str | None = Field(None, description="Optional filter on audience.")
    client_id: str | None = Field(None, description="Optional filter on client_id.")


class Client(Result):
    """An API client."""

    tenant: str = Field("", examples=["demo"])
    client_id: str = Field("", examples=["Xa1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p"])
    name: str = Field("", examples=["Back office"])


class ClientWithSecret(Client):
    """An API client with its secret, which is shown only in this response."""

    client_secret: str = Field(examples=["8CoPRYPkVDcLYFtTLyX5ZPiNPC1eMWuf…"])


class Grant(Result):
    """The scopes of a client at an API."""

    id: str = Field(examples=["cgr_c5zI4XDdzzbD0qav"])
    client_id: str = Field("", examples=["Xa1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p"])
    audience: str = Field(examples=["https://localhost:8443/api/v2/"])
    scope: list[str] = Field(default_factory=list, examples=[["read:users"]])
    subject_type: str = Field("client", examples=["client"])
