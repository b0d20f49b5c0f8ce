"""`fold(profile, event) -> profile`: pure, so that replay, rebuild and any batch split give the same profile.

It matches on the literal `type`, by which mypy knows each event's class and that no type is left out.
"""

from typing import assert_never

from projections.profile.changes import deletions, links
from projections.profile.changes.access import granted
from projections.profile.changes.edits import created, edited
from projections.profile.changes.factors import with_factors
from projections.profile.changes.logins import logged_in
from projections.profile.changes.sessions import of_a_session
from projections.profile.memory import is_duplicate, remember
from projections.profile.state import Profile
from schemas.events import PersonEvent


def fold(profile: Profile, event: PersonEvent) -> Profile:
    """Return the profile after the event; the same object when the event was applied before."""
    if is_duplicate(profile.memory, event):
        return profile
    memory = remember(profile.memory, event)
    match event.type:
        case "profile.login.succeeded":
            is_own = links.merged_into(profile) is None and links.takes(profile, event)
            return logged_in(profile, memory, event) if is_own else profile._replace(memory=memory)
        case "profile.login.failed":
            return profile._replace(memory=memory)
        case "profile.user.created":
            return created(profile, memory, event)
        case (
            "profile.attributes.changed"
            | "profile.metadata.changed"
            | "profile.email.changed"
            | "profile.phone.changed"
            | "profile.password.changed"
            | "profile.user.blocked"
            | "profile.user.unblocked"
            | "profile.login_block.released"
        ):
            return edited(profile._replace(memory=memory), event)
        case (
            "profile.roles.assigned"
            | "profile.roles.removed"
            | "profile.permissions.assigned"
            | "profile.permissions.removed"
            | "profile.organization.joined"
            | "profile.organization.left"
        ):
            return granted(profile._replace(memory=memory), event)
        case "profile.user.deleted":
            return deletions.deleted(profile._replace(memory=memory), event)
        case "profile.user.undeleted":
            return deletions.undeleted(profile._replace(memory=memory), event)
        case "profile.identity.linked":
            return links.linked(profile._replace(memory=memory), event)
        case "profile.identity.unlinked":
            return links.unlinked(profile._replace(memory=memory), event)
        case "profile.user.merged":
            return links.merged(profile._replace(memory=memory), event)
        case "profile.user.restored":
            return links.restored(profile._replace(memory=memory), event)
        case (
            "profile.mfa.enrolled"
            | "profile.mfa.removed"
            | "profile.mfa.changed"
            | "profile.recovery_code.regenerated"
        ):
            return with_factors(profile._replace(memory=memory), event)
        case (
            "profile.session.revoked"
            | "profile.session.changed"
            | "profile.refresh_token.revoked"
            | "profile.refresh_token.changed"
            | "profile.grant.revoked"
            | "profile.device_credential.created"
            | "profile.device_credential.removed"
            | "profile.remembered_browsers.invalidated"
            | "profile.risk_assessment.cleared"
        ):
            return of_a_session(profile._replace(memory=memory), event)
        case _:
            assert_never(event)
