"""Valid things with one field to override."""

from typing import Any

from projections.connection.fold import ConnectionState

NAME = "Username-Password-Authentication"


def make_connection(strategy: str = "auth0", name: str = NAME, **document: Any) -> ConnectionState:
    """A connection that is not deleted; `document` has what the API shows besides its name."""
    shown = {"id": "con_0123456789abcdef", "options": {}, "strategy": strategy, "name": name, **document}
    return ConnectionState(
        id="con_0123456789abcdef",
        name=name,
        strategy=strategy,
        revision=1,
        document=shown,
        event_id="e",
        deleted=False,
    )


def make_document(connection: str = NAME, provider: str = "auth0", **changes: Any) -> dict[str, Any]:
    """A user as it is answered; a value of None takes the key away."""
    document: dict[str, Any] = {
        "user_id": f"{provider}|1",
        "created_at": "2026-01-01T00:00:00.000Z",
        "email": "jane@example.com",
        "email_verified": True,
        "identities": [{"connection": connection, "user_id": "1", "provider": provider, "isSocial": False}],
        "name": "Jane",
        "nickname": "jane",
        "updated_at": "2026-01-01T00:00:00.000Z",
        **changes,
    }
    return {name: value for name, value in document.items() if value is not None}
