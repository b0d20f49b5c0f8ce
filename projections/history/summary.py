"""An event of a person in words. Pure.

The words say what happened, through whom, and what it changed in the profile; counters and times that every
event moves are left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, assert_never

from projections.history.changes import MISSING, AttributeChange
from projections.history.steps import HistoryStep
from schemas.events import LoginFailed, LoginSucceeded, PersonEvent, UserCreated
from schemas.formats import exact_json

ROUTINE: Final = frozenset(
    ("updated_at", "last_login", "last_ip", "logins_count", "multifactor_last_modified")
)
"""What moves with every event of a kind."""
_SHOWN_CHARACTERS: Final = 60
_SHOWN_CHANGES: Final = 6
_ACTORS: Final[Mapping[str, str]] = {
    "client": "client {}",
    "connection": "connection {}",
    "user": "the user",
}


def summary(step: HistoryStep, changes: Sequence[AttributeChange]) -> str:
    """Return an event in one line: `Signed in through google-oauth2; name changed from "A" to "B"`."""
    event = step.event
    said = headline(event)
    if step.verdict == "refused":
        return f"{said}: refused, nothing changed"
    if step.verdict == "forwarded":
        return f"{said}: recorded for the profile that the identity is linked to"
    created = step.before.document is None and isinstance(event, LoginSucceeded | UserCreated)
    shown = [] if created or step.after.document is None else _changes_in_words(changes)
    if created and isinstance(event, LoginSucceeded):
        said += ", which created the profile"
    return "; ".join([said, *shown])


def headline(event: PersonEvent) -> str:
    """Return what happened and through whom, without values."""
    if isinstance(event, LoginSucceeded | LoginFailed):
        return _login(event)
    return f"{_fact(event)} by {actor(event.actor)}"


def actor(name: str) -> str:
    """Return the actor of an event in words."""
    kind, _, who = name.partition(":")
    return _ACTORS.get(kind, "{}").format(who or name)


def change_in_words(change: AttributeChange) -> str:
    """Return a change as `name changed from "A" to "B"`, `… set to "B"` or `… removed (was "A")`."""
    name = change.attribute if change.key is None else f"{change.attribute} {change.key}"
    if change.hidden:
        return f"{name} changed"
    if change.before is MISSING:
        return f"{name} set to {value_in_words(change.after)}"
    if change.after is MISSING:
        return f"{name} removed (was {value_in_words(change.before)})"
    return f"{name} changed from {value_in_words(change.before)} to {value_in_words(change.after)}"


def value_in_words(value: Any) -> str:
    """Return a value as JSON, shortened to some 60 characters."""
    text = exact_json.dumps(value).decode()
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


def _changes_in_words(changes: Iterable[AttributeChange]) -> list[str]:
    notable = [change for change in changes if change.attribute not in ROUTINE]
    shown = [
        change_in_words(change) if change.place == "document" else _association_in_words(change)
        for change in notable[:_SHOWN_CHANGES]
    ]
    rest = len(notable) - len(shown)
    return [*shown, f"{rest} more changes"] if rest > 0 else shown


def _association_in_words(change: AttributeChange) -> str:
    if change.hidden:
        return f"{change.attribute} changed"
    what = "added" if change.before is MISSING else "removed" if change.after is MISSING else "changed"
    return f"{change.attribute} {change.key} {what}"


def _login(event: LoginSucceeded | LoginFailed) -> str:
    through = f" through {event.data.connection}"
    client = "" if event.data.client_id is None else f" with client {event.data.client_id}"
    if isinstance(event, LoginFailed):
        return f"Sign-in failed{through}{client} ({event.data.reason})"
    return f"Signed in{through}{client}"


def _fact(event: PersonEvent) -> str:
    """Return the fact of an event that is no login."""
    match event.type:
        case "profile.login.succeeded" | "profile.login.failed":
            return "Signed in"
        case "profile.user.created":
            return f"Created in {event.data.connection}"
        case "profile.attributes.changed":
            return "Attributes edited"
        case "profile.metadata.changed":
            return "Metadata edited"
        case "profile.email.changed":
            return "E-mail address edited"
        case "profile.phone.changed":
            return "Phone number edited"
        case "profile.password.changed":
            return "Password changed"
        case "profile.user.blocked":
            return "Blocked"
        case "profile.user.unblocked":
            return "Unblocked"
        case "profile.login_block.released":
            return "Block after failed sign-ins released"
        case "profile.roles.assigned":
            return "Roles assigned"
        case "profile.roles.removed":
            return "Roles removed"
        case "profile.permissions.assigned":
            return "Permissions assigned"
        case "profile.permissions.removed":
            return "Permissions removed"
        case "profile.organization.joined":
            return "Added to an organization"
        case "profile.organization.left":
            return "Removed from an organization"
        case "profile.user.deleted":
            return "Deleted"
        case "profile.user.undeleted":
            return "Restored after its deletion"
        case "profile.identity.linked":
            return f"Identity of {event.data.connection} linked"
        case "profile.identity.unlinked":
            return f"Identity of {event.data.connection} unlinked"
        case "profile.user.merged":
            return "Linked to another profile"
        case "profile.user.restored":
            return "Unlinked, a profile of its own again"
        case "profile.mfa.enrolled":
            return f"Factor {event.data.factor_type} enrolled"
        case "profile.mfa.removed":
            return "Factors removed"
        case "profile.mfa.changed":
            return "Factor edited"
        case "profile.recovery_code.regenerated":
            return "Recovery code regenerated"
        case "profile.session.revoked":
            return "Sessions revoked" if event.data.every else "Session revoked"
        case "profile.session.changed":
            return "Session metadata edited"
        case "profile.refresh_token.revoked":
            return "Refresh tokens revoked"
        case "profile.refresh_token.changed":
            return "Refresh token metadata edited"
        case "profile.grant.revoked":
            return "Grants revoked"
        case "profile.device_credential.created":
            return "Device credential created"
        case "profile.device_credential.removed":
            return "Device credential removed"
        case "profile.remembered_browsers.invalidated":
            return "Remembered browsers forgotten"
        case "profile.risk_assessment.cleared":
            return "Risk assessment cleared"
        case _:
            assert_never(event)
