"""How a tenant is set up: its connections and its API clients."""

from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.envelope import Envelope
from schemas.events.fields import OPEN, PROFILE, ClientId, ConnectionName, EventData, Scope, Slug


class ConnectionConfiguredData(EventData):
    """The whole configuration after the change; `options` may hold provider secrets and is sealed."""

    connection_id: Annotated[Slug, OPEN]
    connection: Annotated[ConnectionName, OPEN]
    strategy: Annotated[Slug, OPEN]
    deleted: Annotated[bool, OPEN] = False
    expected_revision: Annotated[int | None, OPEN] = None
    settings: Annotated[dict[str, Any], PROFILE] = Field(default_factory=dict)
    """`options`, `display_name`, `enabled_clients`, `realms`, `metadata`, `is_domain_connection`,
    `authentication`, … as the API shows them."""


class ConnectionConfigured(Envelope):
    """A connection made, changed or deleted; by the system when a login through an unknown one registers
    it."""

    type: Literal["profile.connection.configured"] = "profile.connection.configured"
    dataversion: Literal[1] = 1
    data: ConnectionConfiguredData


class ClientConfiguredData(EventData):
    """The whole configuration after the change; only a hash of the secret ever leaves the process that made
    it."""

    client_id: Annotated[ClientId, OPEN]
    scopes: Annotated[tuple[Scope, ...], OPEN] = ()
    deleted: Annotated[bool, OPEN] = False
    name: Annotated[str, PROFILE] = ""
    secret_hash: Annotated[str | None, PROFILE] = None


class ClientConfigured(Envelope):
    """An API client made, changed or deleted."""

    type: Literal["profile.client.configured"] = "profile.client.configured"
    dataversion: Literal[1] = 1
    data: ClientConfiguredData
