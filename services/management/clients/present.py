"""API clients as JSON."""

from typing import Any

from projections.client.fold import ClientState


def shown(tenant: str, client: ClientState, secret: str | None = None) -> dict[str, Any]:
    """Return a client as JSON, with the secret only if it was just generated."""
    return {
        "tenant": tenant,
        "global": False,
        "is_token_endpoint_ip_header_trusted": False,
        "name": client.name,
        "client_id": client.client_id,
        **({} if secret is None else {"client_secret": secret}),
        **client.settings,
    }
