"""`fold(client, event) -> client`. Every event contains the whole client and its revision."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.events import ClientConfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientState:
    """An API client. `secret_hash` is None for a client that cannot request tokens; `settings` is what the
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
    """Return the client after the event; `current` itself, which may be None, if the event changes nothing.

    An event is refused if it was decided on another revision than the current one (0: no client yet), so that
    concurrent changes do not undo each other, and if the client is deleted. Only an event without a revision,
    which the command line writes, restores a deleted client, and only if its UUIDv7 is newer than that of the
    current state: a copy of an old event restores no old secret.
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
