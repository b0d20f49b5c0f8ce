"""Requests of the connections endpoints."""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field, RootModel
from pydantic_core import PydanticCustomError

from projections.connection.strategies import Strategy
from projections.normalization.claims.kept import KEEP_CLAIMS
from projections.normalization.identity import IDENTITY_SPACE
from schemas.events.fields import SAFE
from schemas.formats.violations import RULE
from services.management.http.models.fields import Body, Email, Given, QueryBoolean, QueryInteger
from services.management.http.models.query import Query, Selected
from services.management.http.models.results import Result

Name = Annotated[str, Field(max_length=128, pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9])*$")]
Texts = Annotated[list[str], Field(max_length=10_000)]
MAX_IDENTITY_SPACE: Final = 128


def _options(options: dict[str, Any]) -> dict[str, Any]:
    space = options.get(IDENTITY_SPACE, IDENTITY_SPACE)
    if not isinstance(space, str) or not 1 <= len(space) <= MAX_IDENTITY_SPACE:
        raise PydanticCustomError(
            RULE,
            "{name} must be a string of 1 to {limit} characters",
            {"name": IDENTITY_SPACE, "limit": MAX_IDENTITY_SPACE},
        )
    if not isinstance(options.get(KEEP_CLAIMS, True), bool):
        raise PydanticCustomError(RULE, "{name} must be a boolean", {"name": KEEP_CLAIMS})
    return options


Options = Annotated[dict[str, Any], AfterValidator(_options)]
Metadata = Annotated[dict[str, str | None], Field(max_length=10)]

OPTIONS = "The connection's options."
DISPLAY_NAME = "Connection name used in the new universal login experience."
ENABLED_CLIENTS = "The identifiers of the clients for which the connection is enabled."
REALMS = "The realms for which the connection is used. Defaults to the connection's name."
DOMAIN_CONNECTION = "Whether third-party applications may use the connection."


class AuthenticationPurpose(Body):
    """Whether the connection is used to authenticate users."""

    active: bool = Field(description="Whether the connection is used for authentication.")


class ConnectedAccountsPurpose(Body):
    """Whether the connection is used for connected accounts."""

    active: bool = Field(description="Whether the connection is used for connected accounts.")
    cross_app_access: bool | None = Field(None, description="Stored and returned; not used.")
    allow_missing_user_id: bool | None = Field(None, description="Stored and returned; not used.")


class RequestingApp(Body):
    """Cross App Access for the requesting application; stored and returned, not used."""

    active: bool = Field(description="Whether Cross App Access is enabled.")


class ResourceApp(Body):
    """Cross App Access for the resource application; stored and returned, not used."""

    status: Literal["enabled", "disabled"] = Field(description="Whether Cross App Access is enabled.")


class ConnectionBody(Body):
    """The properties that requests to create and to change a connection share."""

    display_name: Annotated[Annotated[str, Field(max_length=128), SAFE] | None, Given] = Field(
        None, description=DISPLAY_NAME
    )
    options: Annotated[Options | None, Given] = Field(None, description=OPTIONS)
    enabled_clients: Annotated[Texts | None, Given] = Field(None, description=ENABLED_CLIENTS)
    is_domain_connection: Annotated[bool | None, Given] = Field(None, description=DOMAIN_CONNECTION)
    show_as_button: Annotated[bool | None, Given] = Field(
        None, description="Enables showing a button for the connection in the login page."
    )
    realms: Annotated[Texts | None, Given] = Field(None, description=REALMS)
    metadata: Annotated[Metadata | None, Given] = Field(
        None, description="Metadata associated with the connection."
    )
    authentication: Annotated[AuthenticationPurpose | None, Given] = Field(
        None, description="Whether the connection may be used to authenticate."
    )
    connected_accounts: Annotated[ConnectedAccountsPurpose | None, Given] = Field(
        None, description="Whether the connection may be used for connected accounts."
    )
    cross_app_access_requesting_app: Annotated[RequestingApp | None, Given] = None
    cross_app_access_resource_app: Annotated[ResourceApp | None, Given] = None


class CreateConnection(ConnectionBody):
    """A new connection. Its name and strategy cannot be changed later."""

    name: Name = Field(
        examples=["my-database"],
        description="The name of the connection. Must start and end with an alphanumeric character and can"
        " only contain alphanumeric characters and '-'. Max length 128.",
    )
    strategy: Strategy = Field(description="The identity provider of the connection.", examples=["auth0"])


class UpdateConnection(ConnectionBody):
    """The properties to replace; `options` is replaced as a whole."""

    at_least = 1


class ClientStatus(Body):
    """Whether one client may use the connection."""

    client_id: Annotated[str, Field(min_length=1, max_length=128)] = Field(
        description="The client_id of the client.", examples=["Xa1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p"]
    )
    status: bool = Field(description="Whether the connection is enabled for this client.", examples=[True])


class ClientStatuses(RootModel[Annotated[list[ClientStatus], Field(min_length=1, max_length=50)]]):
    """The clients to enable or disable."""

    model_config = ConfigDict(strict=True, frozen=True)


class EnabledClient(Result):
    """A client that may use the connection."""

    client_id: str = Field(examples=["Xa1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p"])


class ConnectionFields(Selected):
    """The fields to return. Unknown parameters are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class ConnectionUser(Query):
    """The user to delete. Unknown parameters are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    email: Email = Field(description="The email of the user to delete.", examples=["jane@example.com"])


class ListConnections(ConnectionFields):
    """A page by number (`page`) or after a cursor (`from`, `take`), which has precedence."""

    page: Annotated[QueryInteger, Field(ge=0)] = Field(
        0, description="Page index of the results to return. First page is 0."
    )
    per_page: Annotated[QueryInteger, Field(ge=1, le=100)] = Field(
        100, description="Number of results per page."
    )
    include_totals: QueryBoolean = Field(
        False, description="Whether a summary must be included in the result."
    )
    after: str | None = Field(None, alias="from", description="The cursor `next` of the previous page.")
    take: Annotated[QueryInteger, Field(ge=1, le=100)] | None = Field(
        None, description="Number of results per page."
    )
    strategy: tuple[str, ...] = Field((), description="Only connections of these strategies.")
    name: str | None = Field(None, description="Only the connection of this name.")
