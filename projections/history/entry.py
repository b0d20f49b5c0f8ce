"""An event of a person's history as the API answers it. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from projections.fold_view import Verdict
from projections.history.changes import changes_between
from projections.history.steps import HistoryStep
from projections.history.summary import summary
from projections.profile.changes.links import links_of, merged_into
from projections.profile.identities import identity_key
from projections.profile.state import Profile
from schemas.events import IdentityLinked, IdentityUnlinked, LoginSucceeded
from schemas.formats.instants import render

OUTCOMES: Final[Mapping[Verdict, str]] = {
    "counts": "applied",
    "refused": "refused",
    "forwarded": "forwarded",
    "duplicate": "duplicate",
}


def entry_of(step: HistoryStep, *, of_linked: bool = False) -> dict[str, Any]:
    """Return the entry of an event.

    `of_linked` says that the event is in the history of an identity of its own that was linked to the person
    whose history this is: then `linked` tells whether it came before or while it was linked.
    """
    event, position = step.event, step.logged.position
    changes = changes_between(step.before, step.after)
    data: Any = event.data
    found = {
        "position": str(position),
        "id": event.id,
        "type": event.type,
        "time": render(event.time),
        "recorded_at": render(step.logged.recorded_at),
        "actor": event.actor,
        "client_id": getattr(data, "client_id", None),
        "connection": getattr(data, "connection", None),
        "correlation_id": event.correlationid,
        "causation_id": event.causationid,
        "identity": _identity(step),
        "linked": _linked(step, of_linked),
    }
    return {
        **{name: value for name, value in found.items() if value is not None},
        "outcome": OUTCOMES[step.verdict],
        "revision": step.after.revision,
        "summary": summary(step, changes),
        "changes": [change.shown() for change in changes],
    }


def _identity(step: HistoryStep) -> dict[str, Any] | None:
    """Return the identity that an event is of, None if there is no profile yet. It is that of a login
    or a link, otherwise the primary one of the profile."""
    event = step.event
    if isinstance(event, LoginSucceeded | IdentityLinked | IdentityUnlinked):
        data = event.data
        return {"connection": data.connection, "provider": data.provider, "user_id": data.idp_id}
    document = _document(step.after) or _document(step.before)
    if document is None:
        return None
    primary = document["identities"][0]
    return {name: primary[name] for name in ("connection", "provider", "user_id")}


def _document(profile: Profile) -> Mapping[str, Any] | None:
    merged: Mapping[str, Any] = profile.associations.get("merged", {})
    document: Mapping[str, Any] | None = profile.document or merged.get("document")
    return document


def _linked(step: HistoryStep, of_linked: bool) -> str | None:
    if of_linked:
        return "before" if merged_into(step.before) is None else "while"
    event = step.event
    if isinstance(event, LoginSucceeded):
        is_linked = identity_key(event.data.provider, event.data.idp_id) in links_of(step.before)
        return "while" if is_linked else None
    return None
