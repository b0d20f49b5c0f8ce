"""`fold(profile, event) -> profile`: pure, so that replay, rebuild and any batch split give the same
person."""

from typing import assert_never

from projections.profile.changes import links
from projections.profile.changes.access import granted
from projections.profile.changes.edits import created, edited
from projections.profile.changes.factors import with_factors
from projections.profile.changes.logins import logged_in
from projections.profile.changes.sessions import of_a_session
from projections.profile.memory import is_duplicate, remember
from projections.profile.state import Profile
from schemas.events import (
    AttributesChanged,
    DeviceCredentialCreated,
    DeviceCredentialRemoved,
    EmailChanged,
    GrantRevoked,
    IdentityLinked,
    IdentityUnlinked,
    LoginBlockReleased,
    LoginFailed,
    LoginSucceeded,
    MetadataChanged,
    MfaChanged,
    MfaEnrolled,
    MfaRemoved,
    OrganizationJoined,
    OrganizationLeft,
    PasswordChanged,
    PermissionsAssigned,
    PermissionsRemoved,
    PersonEvent,
    PhoneChanged,
    RecoveryCodeRegenerated,
    RefreshTokenChanged,
    RefreshTokenRevoked,
    RememberedBrowsersInvalidated,
    RiskAssessmentCleared,
    RolesAssigned,
    RolesRemoved,
    SessionChanged,
    SessionRevoked,
    UserBlocked,
    UserCreated,
    UserDeleted,
    UserMerged,
    UserRestored,
    UserUnblocked,
)


def fold(profile: Profile, event: PersonEvent) -> Profile:
    """The person after the event; the very same object when the event was applied before."""
    if is_duplicate(profile.memory, event):
        return profile
    memory = remember(profile.memory, event)
    match event:
        case LoginSucceeded() if links.merged_into(profile) is not None or not links.takes(profile, event):
            return profile._replace(memory=memory)
        case LoginSucceeded():
            return logged_in(profile, memory, event)
        case LoginFailed():
            return profile._replace(memory=memory)
        case UserCreated():
            return created(profile, memory, event)
        case (
            AttributesChanged()
            | MetadataChanged()
            | EmailChanged()
            | PhoneChanged()
            | PasswordChanged()
            | UserBlocked()
            | UserUnblocked()
            | LoginBlockReleased()
        ):
            return edited(profile._replace(memory=memory), event)
        case (
            RolesAssigned()
            | RolesRemoved()
            | PermissionsAssigned()
            | PermissionsRemoved()
            | OrganizationJoined()
            | OrganizationLeft()
        ):
            return granted(profile._replace(memory=memory), event)
        case UserDeleted():
            return links.deleted(profile._replace(memory=memory), event)
        case IdentityLinked():
            return links.linked(profile._replace(memory=memory), event)
        case IdentityUnlinked():
            return links.unlinked(profile._replace(memory=memory), event)
        case UserMerged():
            return links.merged(profile._replace(memory=memory), event)
        case UserRestored():
            return links.restored(profile._replace(memory=memory), event)
        case MfaEnrolled() | MfaRemoved() | MfaChanged() | RecoveryCodeRegenerated():
            return with_factors(profile._replace(memory=memory), event)
        case (
            SessionRevoked()
            | SessionChanged()
            | RefreshTokenRevoked()
            | RefreshTokenChanged()
            | GrantRevoked()
            | DeviceCredentialCreated()
            | DeviceCredentialRemoved()
            | RememberedBrowsersInvalidated()
            | RiskAssessmentCleared()
        ):
            return of_a_session(profile._replace(memory=memory), event)
        case _:
            assert_never(event)
