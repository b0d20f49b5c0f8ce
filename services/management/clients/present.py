"""API clients as the API shows them."""

from typing import Any

from projections.client.fold import ClientState


def shown(tenant: str, client: ClientState, secret: str | None = None) -> dict[str, Any]:
    """A client as it is answered; the secret only where it has just been made."""
    return {
        "tenant": tenant,
        "global": False,
        "is_token_endpoint_ip_header_trusted": False,
        "name": client.name,
        "client_id": client.client_id,
        **({} if secret is None else {"client_secret": secret}),
        **client.settings,
    }
