"""`fold(client, event) -> client`: every change carries the whole client; a revision says which it was."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.events import ClientConfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientState:
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


def fold(current: ClientState | None, event: ClientConfigured) -> ClientState | None:
    """The client after the event; the very same object when the event changes nothing, None too.

    Refused: what was decided on another revision than the present one (0: there must be none yet), so that of
    two changes at once, a new secret among them, none undoes the other; and what was decided on a client that
    is deleted. Only a change without a revision, as the command line makes it, brings one back, and only if
    its UUIDv7 is younger than that of the present state: a copy of an old event restores no old secret.
    """
    data = event.data
    revision, over = (0, False) if current is None else (current.revision, current.deleted)
    if current is not None and current.event_id == event.id:
        return current
    if data.expected_revision is None and current is not None and event.id < current.event_id:
        return current
    if data.expected_revision is not None and (over or data.expected_revision != revision):
        return current
    return ClientState(
        client_id=data.client_id,
        name=data.name,
        secret_hash=data.secret_hash,
        scopes=data.scopes,
        event_id=event.id,
        deleted=data.deleted,
        revision=revision + 1,
        settings=data.settings,
    )
