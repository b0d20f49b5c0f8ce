"""The bearer tokens of commands: a given token, or one fetched with an API client's credentials."""

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from schemas.formats import exact_json
from services.cli import addresses
from services.cli.failure import CommandFailed, unreachable

if TYPE_CHECKING:
    from deploy.local.services import Stack

_FILE: Final = "client.json"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials of an API client of a tenant."""

    tenant: str
    client_id: str
    client_secret: str = field(repr=False)


def bearer_token(given: str | None, management_url: str) -> str:
    """Return a token for the Management API at `management_url`.

    It is `given` if that is set. Otherwise a token is fetched with VITA_CLIENT_ID and VITA_CLIENT_SECRET
    or, at the local stack's address, with the local stack's client. Raises CommandFailed when no client
    is known or no token is issued.
    """
    if given:
        return given
    client_id, secret = os.environ.get("VITA_CLIENT_ID"), os.environ.get("VITA_CLIENT_SECRET")
    if client_id and secret:
        return fetch_token(management_url, client_id, secret)
    stack = addresses.local_stack()
    credentials = read_credentials(stack) if stack and stack.management_url == management_url else None
    if credentials is None:
        raise CommandFailed(
            "no token and no API client are known for this address",
            "set VITA_TOKEN, or VITA_CLIENT_ID and VITA_CLIENT_SECRET (see `vita clients create`)",
        )
    return fetch_token(management_url, credentials.client_id, credentials.client_secret)


def ingest_token(given: str | None, ingest_url: str, management_url: str | None) -> str:
    """Return a token for ingest at `ingest_url`: `given`, or one fetched from the Management API.

    Raises CommandFailed when no token is available, and when only one of the two addresses is the local
    stack's: its client's token must not be sent to another stack's ingest.
    """
    if given:
        return given
    issuer, stack = addresses.management_url(management_url), addresses.local_stack()
    if stack and issuer == stack.management_url and ingest_url != stack.ingest_url:
        raise CommandFailed(
            "the Management API that issues the token is the local stack's, but the ingest API is not",
            "set VITA_TOKEN or VITA_MANAGEMENT_URL",
        )
    return bearer_token(None, issuer)


def fetch_token(management_url: str, client_id: str, client_secret: str) -> str:
    """Fetch a new token with the client credentials grant.

    Raises CommandFailed when the Management API cannot be reached or refuses the client.
    """
    import httpx

    body = {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": client_secret,
        "audience": addresses.audience(management_url),
    }
    try:
        response = httpx.post(
            f"{management_url}/oauth/token",
            json=body,
            timeout=10,
            trust_env=not is_local(management_url),
            verify=addresses.tls_context(management_url),
        )
    except httpx.TransportError as error:
        raise unreachable(management_url, error) from None
    if response.is_error:
        raise CommandFailed(
            f"no token for client {client_id} ({response.status_code}: {_reason(response.content)})",
            "check VITA_CLIENT_ID and VITA_CLIENT_SECRET, or create a client with `vita clients create`",
        )
    return str(exact_json.loads(response.content)["access_token"])


def is_local(url: str) -> bool:
    """Return whether the URL's host is this machine, which must not be reached through a proxy."""
    from urllib.parse import urlsplit

    return urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")


def read_credentials(stack: "Stack") -> Credentials | None:
    """Return the credentials of the local stack's own client, or None if `vita up` has not made it yet.

    Raises CommandFailed when the file that holds them is damaged.
    """
    try:
        return Credentials(**exact_json.loads((stack.state_dir / _FILE).read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        raise CommandFailed(
            f"{stack.state_dir / _FILE} cannot be read", "remove that file and run `vita up`"
        ) from None


def keep_credentials(stack: "Stack", credentials: Credentials) -> None:
    """Write the credentials to the state folder, readable by their owner only."""
    from deploy.private_files import write_private

    content = {
        "tenant": credentials.tenant,
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
    }
    write_private(stack.state_dir / _FILE, exact_json.dumps(content) + b"\n")


def _reason(content: bytes) -> str:
    try:
        answer: Any = exact_json.loads(content)
    except ValueError:
        return "the response is not JSON"
    if not isinstance(answer, dict):
        return "no reason given"
    return str(
        answer.get("error_description") or answer.get("message") or answer.get("error") or "no reason given"
    )
