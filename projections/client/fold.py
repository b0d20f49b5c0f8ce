"""`fold(client, event) -> client`: every change carries the whole client; a revision says which it was."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.events import ClientConfigured


@dataclass(frozen=True, slots=True)
class Client:
    """One API client. `secret_hash` is None for a client that cannot ask for tokens; `settings` is what the
    API shows besides id and name."""

    client_id: str
    name: str
    secret_hash: str | None = field(repr=False)
    scopes: tuple[str, ...]
    event_id: str
    deleted: bool
    revision: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)


def fold(current: Client | None, event: ClientConfigured) -> Client:
    """The client after the event; the very same object when the event changes nothing.

    Refused: what was decided on another revision than the present one (0: there must be none yet), so that of
    two changes at once, a new secret among them, none undoes the other.
    """
    data = event.data
    revision = 0 if current is None else current.revision
    if current is not None:
        moved_on = data.expected_revision is not None and (
            current.deleted or data.expected_revision != revision
        )
        if moved_on or current.event_id == event.id:
            return current
    return Client(
        data.client_id,
        data.name,
        data.secret_hash,
        data.scopes,
        event.id,
        data.deleted,
        revision + 1,
        data.settings,
    )
