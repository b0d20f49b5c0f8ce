"""The event catalogue: facts in the past tense, joined in one discriminated union."""

from typing import Annotated, Any, Final, get_args

from pydantic import Field, TypeAdapter

from schemas.events.access import (
    OrganizationData,
    OrganizationJoined,
    OrganizationLeft,
    PermissionsAssigned,
    PermissionsData,
    PermissionsRemoved,
    RolesAssigned,
    RolesData,
    RolesRemoved,
)
from schemas.events.blocks import IpUnblocked, IpUnblockedData, LoginBlockReleased, LoginBlockReleasedData
from schemas.events.configuration import (
    AttackProtectionConfigured,
    ClientConfigured,
    ClientConfiguredData,
    ClientGrantConfigured,
    ConnectionConfigured,
    ConnectionConfiguredData,
    OrganizationConfigured,
    ResourceServerConfigured,
    RoleDefined,
    RoleRemoved,
    SettingData,
    TenantConfigured,
    UserAttributeProfileConfigured,
)
from schemas.events.factors import (
    MfaChanged,
    MfaChangedData,
    MfaEnrolled,
    MfaEnrolledData,
    MfaRemoved,
    MfaRemovedData,
    RecoveryCodeRegenerated,
    RecoveryCodeRegeneratedData,
)
from schemas.events.fields import ACTIVITY, OPEN, PROFILE, CommandData, EventData, field_class
from schemas.events.limits import ClientThrottled, ClientThrottledData
from schemas.events.links import (
    IdentityLinked,
    IdentityLinkedData,
    IdentityUnlinked,
    IdentityUnlinkedData,
    LinkMeans,
    UserMerged,
    UserMergedData,
    UserRestored,
    UserRestoredData,
)
from schemas.events.logins import LoginFailed, LoginFailedData, LoginSucceeded, LoginSucceededData, RootPolicy
from schemas.events.quarantine import LoginQuarantined, LoginQuarantinedData
from schemas.events.sessions import (
    DeviceCredentialCreated,
    DeviceCredentialCreatedData,
    DeviceCredentialRemoved,
    DeviceCredentialRemovedData,
    GrantRevoked,
    GrantRevokedData,
    RefreshTokenChanged,
    RefreshTokenChangedData,
    RefreshTokenRevoked,
    RefreshTokenRevokedData,
    RememberedBrowsersInvalidated,
    RememberedBrowsersInvalidatedData,
    RiskAssessmentCleared,
    RiskAssessmentClearedData,
    SessionChanged,
    SessionChangedData,
    SessionRevoked,
    SessionRevokedData,
)
from schemas.events.users import (
    AttributesChanged,
    AttributesChangedData,
    EmailChanged,
    EmailChangedData,
    MetadataChanged,
    MetadataChangedData,
    MetadataMerge,
    PasswordChanged,
    PasswordChangedData,
    PhoneChanged,
    PhoneChangedData,
    UserBlocked,
    UserCreated,
    UserCreatedData,
    UserDeleted,
    UserDeletedData,
    UserFlagData,
    UserUnblocked,
    UserUndeleted,
    UserUndeletedData,
)

__all__ = [
    "ACTIVITY",
    "EVENT_TYPES",
    "OPEN",
    "PROFILE",
    "AttackProtectionConfigured",
    "AttributesChanged",
    "AttributesChangedData",
    "ClientConfigured",
    "ClientConfiguredData",
    "ClientGrantConfigured",
    "ClientThrottled",
    "ClientThrottledData",
    "CommandData",
    "ConfigurationEvent",
    "ConnectionConfigured",
    "ConnectionConfiguredData",
    "DeviceCredentialCreated",
    "DeviceCredentialCreatedData",
    "DeviceCredentialRemoved",
    "DeviceCredentialRemovedData",
    "EmailChanged",
    "EmailChangedData",
    "Event",
    "EventData",
    "FactorEvent",
    "GrantRevoked",
    "GrantRevokedData",
    "IdentityLinked",
    "IdentityLinkedData",
    "IdentityUnlinked",
    "IdentityUnlinkedData",
    "IpUnblocked",
    "IpUnblockedData",
    "LinkMeans",
    "LoginBlockReleased",
    "LoginBlockReleasedData",
    "LoginFailed",
    "LoginFailedData",
    "LoginQuarantined",
    "LoginQuarantinedData",
    "LoginSucceeded",
    "LoginSucceededData",
    "MetadataChanged",
    "MetadataChangedData",
    "MetadataMerge",
    "MfaChanged",
    "MfaChangedData",
    "MfaEnrolled",
    "MfaEnrolledData",
    "MfaRemoved",
    "MfaRemovedData",
    "OrganizationConfigured",
    "OrganizationData",
    "OrganizationJoined",
    "OrganizationLeft",
    "PasswordChanged",
    "PasswordChangedData",
    "PermissionsAssigned",
    "PermissionsData",
    "PermissionsRemoved",
    "PersonEvent",
    "PhoneChanged",
    "PhoneChangedData",
    "RecoveryCodeRegenerated",
    "RecoveryCodeRegeneratedData",
    "RefreshTokenChanged",
    "RefreshTokenChangedData",
    "RefreshTokenRevoked",
    "RefreshTokenRevokedData",
    "RememberedBrowsersInvalidated",
    "RememberedBrowsersInvalidatedData",
    "ResourceServerConfigured",
    "RiskAssessmentCleared",
    "RiskAssessmentClearedData",
    "RoleDefined",
    "RoleRemoved",
    "RolesAssigned",
    "RolesData",
    "RolesRemoved",
    "RootPolicy",
    "SessionChanged",
    "SessionChangedData",
    "SessionEvent",
    "SessionRevoked",
    "SessionRevokedData",
    "SettingData",
    "SettingEvent",
    "TenantConfigured",
    "UserAttributeProfileConfigured",
    "UserBlocked",
    "UserCreated",
    "UserCreatedData",
    "UserDeleted",
    "UserDeletedData",
    "UserFlagData",
    "UserMerged",
    "UserMergedData",
    "UserRestored",
    "UserRestoredData",
    "UserUnblocked",
    "UserUndeleted",
    "UserUndeletedData",
    "event_adapter",
    "field_class",
]

SessionEvent = (
    SessionRevoked
    | SessionChanged
    | RefreshTokenRevoked
    | RefreshTokenChanged
    | GrantRevoked
    | DeviceCredentialCreated
    | DeviceCredentialRemoved
    | RememberedBrowsersInvalidated
    | RiskAssessmentCleared
)
"""Events about access that was granted. The profile does not use them; other views do."""
FactorEvent = MfaEnrolled | MfaRemoved | MfaChanged | RecoveryCodeRegenerated
PersonEvent = (
    LoginSucceeded
    | LoginFailed
    | UserCreated
    | AttributesChanged
    | MetadataChanged
    | EmailChanged
    | PhoneChanged
    | PasswordChanged
    | UserBlocked
    | UserUnblocked
    | UserDeleted
    | UserUndeleted
    | RolesAssigned
    | RolesRemoved
    | PermissionsAssigned
    | PermissionsRemoved
    | OrganizationJoined
    | OrganizationLeft
    | LoginBlockReleased
    | IdentityLinked
    | IdentityUnlinked
    | UserMerged
    | UserRestored
    | SessionEvent
    | FactorEvent
)
SettingEvent = (
    RoleDefined
    | RoleRemoved
    | ResourceServerConfigured
    | OrganizationConfigured
    | UserAttributeProfileConfigured
    | ClientGrantConfigured
    | AttackProtectionConfigured
    | TenantConfigured
)
ConfigurationEvent = (
    ConnectionConfigured | ClientConfigured | ClientThrottled | IpUnblocked | LoginQuarantined | SettingEvent
)
Event = PersonEvent | ConfigurationEvent

event_adapter: Final[TypeAdapter[Event]] = TypeAdapter(Annotated[Event, Field(discriminator="type")])

EVENT_TYPES: Final[dict[str, type[Any]]] = {
    model.model_fields["type"].default: model
    for model in get_args(PersonEvent) + get_args(ConfigurationEvent)
}
