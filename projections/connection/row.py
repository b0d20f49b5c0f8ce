"""A connection and its row."""

from collections.abc import Mapping
from typing import Any

from projections.connection.fold import ConnectionState
from projections.connection.identity import maps_identity
from projections.row import Row
from projections.secret_leaves import seal_leaves
from schemas.formats import exact_json
from schemas.sealing.keys import SubjectKeys


def connection_of(row: Row, document: Mapping[str, Any] | None = None) -> ConnectionState:
    """Return the connection in a row, with `document` as its decrypted document; without it its secrets stay
    sealed."""
    return ConnectionState(
        id=row["id"],
        name=row["name"],
        strategy=row["strategy"],
        revision=row["revision"],
        document=exact_json.loads(row["document"]) if document is None else document,
        event_id=str(row["event_id"]),
        deleted=row["deleted"],
    )


def connection_row(tenant: str, connection: ConnectionState, keys: SubjectKeys | None) -> tuple[Any, ...]:
    """Return the columns of `write_connections`, with secrets sealed with the tenant's keys."""
    document = seal_leaves(connection.document, keys, "connection", tenant, connection.id)
    return (
        tenant, connection.id, connection.name, connection.strategy, connection.revision,
        exact_json.dumps(document).decode(), maps_identity(connection.document),
        connection.event_id, connection.deleted,
    )  # fmt: skip
