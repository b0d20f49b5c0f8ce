"""`fold(event) -> client`: every change carries the whole configuration, so the last one is the state."""

from dataclasses import dataclass, field

from schemas.events import ClientConfigured


@dataclass(frozen=True, slots=True)
class Client:
    """One API client. `secret_hash` is None for a client that cannot ask for tokens."""

    client_id: str
    name: str
    secret_hash: str | None = field(repr=False)
    scopes: tuple[str, ...]
    event_id: str
    deleted: bool


def fold(event: ClientConfigured) -> Client:
    """The client after the event."""
    data = event.data
    return Client(data.client_id, data.name, data.secret_hash, data.scopes, event.id, data.deleted)
