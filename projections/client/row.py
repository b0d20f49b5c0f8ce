"""An API client and its row."""

from collections.abc import Mapping
from typing import Any

from projections.client.fold import ClientState
from projections.row import Row
from projections.secret_leaves import seal_leaves
from schemas.formats import exact_json
from schemas.sealing.keys import SubjectKeys

ClientKey = tuple[str, str]
"""(tenant, client id)"""


def client_of(row: Row, settings: Mapping[str, Any] | None = None) -> ClientState:
    """Return the client in a row, with `settings` as its decrypted settings; without them its secrets stay
    sealed."""
    return ClientState(
        client_id=row["client_id"],
        name=row["name"],
        secret_hash=row["secret_hash"],
        scopes=tuple(row["scopes"]),
        event_id=str(row["event_id"]),
        deleted=row["deleted"],
        revision=row["revision"],
        settings=exact_json.loads(row["settings"]) if settings is None else settings,
    )


def client_row(key: ClientKey, client: ClientState, keys: SubjectKeys | None) -> tuple[Any, ...]:
    """Return the columns of `write_clients`, with secrets sealed with the tenant's keys. Scopes are one array
    literal, in which no character of a scope needs an escape."""
    settings = seal_leaves(client.settings, keys, "client", *key)
    scopes = "{" + ",".join(f'"{scope}"' for scope in client.scopes) + "}"
    return (
        *key, client.name, client.secret_hash, scopes, client.event_id, client.deleted, client.revision,
        exact_json.dumps(settings).decode(),
    )  # fmt: skip
