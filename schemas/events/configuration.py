"""How a tenant is set up: its connections, its API clients, and its settings of every other kind."""

from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.envelope import Envelope
from schemas.events.fields import OPEN, PROFILE, ClientId, CommandData, ConnectionName, Scope, Slug


class ConnectionConfiguredData(CommandData):
    """The whole configuration after the change; `options` may hold provider secrets and is sealed."""

    connection_id: Annotated[Slug, OPEN]
    connection: Annotated[ConnectionName, OPEN]
    strategy: Annotated[Slug, OPEN]
    deleted: Annotated[bool, OPEN] = False
    settings: Annotated[dict[str, Any], PROFILE] = Field(default_factory=dict)
    """`options`, `display_name`, `enabled_clients`, `realms`, `metadata`, `is_domain_connection`,
    `authentication`, … as the API shows them."""


class ConnectionConfigured(Envelope):
    """A connection made, changed or deleted; by the system when a login through an unknown one registers
    it."""

    type: Literal["profile.connection.configured"] = "profile.connection.configured"
    dataversion: Literal[1] = 1
    data: ConnectionConfiguredData


class ClientConfiguredData(CommandData):
    """The whole configuration after the change; only a hash of the secret ever leaves the process that made
    it."""

    client_id: Annotated[ClientId, OPEN]
    scopes: Annotated[tuple[Scope, ...], PROFILE] = ()
    deleted: Annotated[bool, OPEN] = False
    name: Annotated[str, PROFILE] = ""
    secret_hash: Annotated[str | None, PROFILE] = None
    settings: Annotated[dict[str, Any], PROFILE] = Field(default_factory=dict)
    """What the API shows of it besides id and name: `app_type`, `grant_types`, `callbacks`, …"""


class ClientConfigured(Envelope):
    """An API client made, changed or deleted."""

    type: Literal["profile.client.configured"] = "profile.client.configured"
    dataversion: Literal[1] = 1
    data: ClientConfiguredData


SettingId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{1,128}$")]


class SettingData(CommandData):
    """The whole setting after the change. `name` is what it is found by besides its id, unique within its
    kind."""

    setting_id: Annotated[SettingId, OPEN]
    deleted: Annotated[bool, OPEN] = False
    name: Annotated[str | None, PROFILE] = None
    settings: Annotated[dict[str, Any], PROFILE] = Field(default_factory=dict)
    """What the API shows of it besides its id."""


class RoleDefined(Envelope):
    """A role made or changed, with its permissions."""

    type: Literal["profile.role.defined"] = "profile.role.defined"
    dataversion: Literal[1] = 1
    data: SettingData


class RoleRemoved(Envelope):
    """A role gone; whoever had it has it no more."""

    type: Literal["profile.role.removed"] = "profile.role.removed"
    dataversion: Literal[1] = 1
    data: SettingData


class ResourceServerConfigured(Envelope):
    """An API that permissions belong to, made, changed or deleted."""

    type: Literal["profile.resource_server.configured"] = "profile.resource_server.configured"
    dataversion: Literal[1] = 1
    data: SettingData


class OrganizationConfigured(Envelope):
    """An organization made, changed or deleted; its members are said by their own events."""

    type: Literal["profile.organization.configured"] = "profile.organization.configured"
    dataversion: Literal[1] = 1
    data: SettingData


class UserAttributeProfileConfigured(Envelope):
    """A user attribute profile made, changed or deleted."""

    type: Literal["profile.user_attribute_profile.configured"] = "profile.user_attribute_profile.configured"
    dataversion: Literal[1] = 1
    data: SettingData


class ClientGrantConfigured(Envelope):
    """Which scopes a client may ask for at one API: made, changed or deleted."""

    type: Literal["profile.client_grant.configured"] = "profile.client_grant.configured"
    dataversion: Literal[1] = 1
    data: SettingData


class AttackProtectionConfigured(Envelope):
    """One of the protections against attackers, configured."""

    type: Literal["profile.attack_protection.configured"] = "profile.attack_protection.configured"
    dataversion: Literal[1] = 1
    data: SettingData


class TenantConfigured(Envelope):
    """The tenant's own settings, such as how long log entries are kept."""

    type: Literal["profile.tenant.configured"] = "profile.tenant.configured"
    dataversion: Literal[1] = 1
    data: SettingData
