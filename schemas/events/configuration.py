"""Events about the configuration of a tenant: connections, API clients and all other settings."""

from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.envelope import Envelope
from schemas.events.fields import OPEN, PROFILE, ClientId, CommandData, ConnectionName, Scope, Slug
from schemas.reservation import ReservationKind


class ConnectionConfiguredData(CommandData):
    """The complete configuration after the change. `options` is sealed because it may hold secrets."""

    connection_id: Annotated[Slug, OPEN]
    connection: Annotated[ConnectionName, OPEN]
    strategy: Annotated[Slug, OPEN]
    deleted: Annotated[bool, OPEN] = False
    settings: Annotated[dict[str, Any], PROFILE] = Field(default_factory=dict)
    """`options`, `display_name`, `enabled_clients`, `realms`, `metadata`, `is_domain_connection`,
    `authentication`, … as the API returns them."""


class ConnectionConfigured(Envelope):
    """A connection was created, changed or deleted. The system creates one when a login through an unknown
    connection registers it."""

    type: Literal["profile.connection.configured"] = "profile.connection.configured"
    dataversion: Literal[1] = 1
    data: ConnectionConfiguredData

    @property
    def reserves(self) -> tuple[ReservationKind, ...]:
        """The name of the connection."""
        return ("connection",)


class ClientConfiguredData(CommandData):
    """The complete configuration after the change. Of the secret it holds only a hash."""

    client_id: Annotated[ClientId, OPEN]
    scopes: Annotated[tuple[Scope, ...], PROFILE] = ()
    deleted: Annotated[bool, OPEN] = False
    name: Annotated[str, PROFILE] = ""
    secret_hash: Annotated[str | None, PROFILE] = None
    settings: Annotated[dict[str, Any], PROFILE] = Field(default_factory=dict)
    """What the API returns besides id and name: `app_type`, `grant_types`, `callbacks`, …"""


class ClientConfigured(Envelope):
    """An API client was created, changed or deleted."""

    type: Literal["profile.client.configured"] = "profile.client.configured"
    dataversion: Literal[1] = 1
    data: ClientConfiguredData


SettingId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{1,128}$")]


class SettingData(CommandData):
    """The complete setting after the change. `name` identifies it besides its id and is unique within its
    kind."""

    setting_id: Annotated[SettingId, OPEN]
    deleted: Annotated[bool, OPEN] = False
    name: Annotated[str | None, PROFILE] = None
    settings: Annotated[dict[str, Any], PROFILE] = Field(default_factory=dict)
    """What the API returns besides the id."""


class SettingEnvelope(Envelope):
    """What events of settings share."""

    @property
    def reserves(self) -> tuple[ReservationKind, ...]:
        """The name of the setting, unique within its kind."""
        return ("name",)


class RoleDefined(SettingEnvelope):
    """A role was created or changed; the event holds all of its permissions."""

    type: Literal["profile.role.defined"] = "profile.role.defined"
    dataversion: Literal[1] = 1
    data: SettingData


class RoleRemoved(SettingEnvelope):
    """A role was deleted. Users who had it no longer have it."""

    type: Literal["profile.role.removed"] = "profile.role.removed"
    dataversion: Literal[1] = 1
    data: SettingData


class ResourceServerConfigured(SettingEnvelope):
    """An API that permissions belong to was created, changed or deleted."""

    type: Literal["profile.resource_server.configured"] = "profile.resource_server.configured"
    dataversion: Literal[1] = 1
    data: SettingData


class OrganizationConfigured(SettingEnvelope):
    """An organization was created, changed or deleted. Its members have events of their own."""

    type: Literal["profile.organization.configured"] = "profile.organization.configured"
    dataversion: Literal[1] = 1
    data: SettingData


class UserAttributeProfileConfigured(SettingEnvelope):
    """A user attribute profile was created, changed or deleted."""

    type: Literal["profile.user_attribute_profile.configured"] = "profile.user_attribute_profile.configured"
    dataversion: Literal[1] = 1
    data: SettingData


class ClientGrantConfigured(SettingEnvelope):
    """A client grant was created, changed or deleted: the scopes a client may request at an API."""

    type: Literal["profile.client_grant.configured"] = "profile.client_grant.configured"
    dataversion: Literal[1] = 1
    data: SettingData


class AttackProtectionConfigured(SettingEnvelope):
    """One of the protections against attacks was configured."""

    type: Literal["profile.attack_protection.configured"] = "profile.attack_protection.configured"
    dataversion: Literal[1] = 1
    data: SettingData


class TenantConfigured(SettingEnvelope):
    """The tenant's own settings changed, for example how long log entries are kept."""

    type: Literal["profile.tenant.configured"] = "profile.tenant.configured"
    dataversion: Literal[1] = 1
    data: SettingData
