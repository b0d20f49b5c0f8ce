"""POST /oauth/token (client credentials, RFC 6749), and the documents with which other services verify our
tokens."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote_plus

from starlette.requests import Request
from starlette.responses import Response

from schemas.formats import exact_json
from services.commands.settings.decide_client import may_ask_for_itself
from services.ledger.keys.signing_keys import jwks, key_source
from services.ledger.tenant_domains import Domain
from services.management.container import Service
from services.management.http import responses
from services.management.http.errors import HttpError
from services.management.http.models.results import Failure, KeySet, Token, TokenRefused
from services.management.http.operation import Public
from services.management.http.pipeline import bodies, throttling
from services.management.limits.rate_limits import OF_CLIENT, OF_SOURCE
from services.management.oauth.audiences import OURS, Granted, is_ours, scopes_for
from services.management.oauth.models import TokenRequest
from services.queries.clients import find_client_of_any_tenant
from services.queries.settings import list_settings
from services.runtime.auth.client_secrets import secret_matches
from services.runtime.auth.tokens import LIFETIME_SECONDS
from services.runtime.postgres.pool import database_failures
from services.runtime.rejection import Rejected

GRANT: Final = "client_credentials"
MAX_BODY_BYTES: Final = 64 * 1024
MAX_COUNTED: Final = 128
"""Number of characters of a client id that the rate limit distinguishes; no client has a longer id."""
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9._~:/-]{1,128}")
_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class OAuthRefused(Exception):
    """Carries an OAuth 2.0 error."""

    def __init__(
        self, status: int, error: str, description: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(error)
        self.status, self.error, self.description, self.headers = status, error, description, headers or {}


async def token(service: Service, request: Request) -> Response:
    """Return an access token for an API client that authenticates itself; errors follow RFC 6749 §5.2.

    Raises OverShare, or Transient when the database does not respond.
    """
    source = "" if request.client is None else request.client.host
    try:
        _count(service, OF_SOURCE, source)
        asked = await _asked(service, request, source)
        client_id, secret = _credentials(request, asked)
        _count(service, OF_CLIENT, source, client_id[:MAX_COUNTED])
        if asked.get("grant_type") != GRANT:
            raise _unsupported(asked.get("grant_type"))
        domain = await _domain(service, request)
        client = await _client(service, client_id, secret, domain)
        audience = _audience(service, request, asked.get("audience"))
        scopes = _scopes(await _granted(service, client, client_id, audience), asked.get("scope"))
    except OAuthRefused as refused:
        return _refusal(refused)
    issuer = await service.auth.issuers.of(domain)
    own = service.settings.token_audience if domain is None else domain.audience
    issued = issuer.issue(
        client_id, client["tenant"], scopes, own if audience == OURS else audience, datetime.now(UTC)
    )
    body = {
        "access_token": issued,
        "scope": " ".join(scopes),
        "expires_in": LIFETIME_SECONDS,
        "token_type": "Bearer",
    }
    return responses.value(body, headers=_NO_STORE)


async def key_set(service: Service, request: Request) -> Response:
    """Return the public keys of the issuer at this host."""
    domain = await _domain(service, request)
    keys = service.auth.keys if domain is None else key_source(service.storage.database.raw, domain.tenant)
    return responses.value(jwks(await keys()), headers={"Cache-Control": "public, max-age=60"})


async def configuration(service: Service, request: Request) -> Response:
    """Return the OpenID Connect discovery document of the issuer at this host, as far as it applies."""
    domain = await _domain(service, request)
    issuer = service.settings.token_issuer if domain is None else domain.issuer
    base = issuer.rstrip("/")
    return responses.value(
        {
            "issuer": issuer,
            "token_endpoint": f"{base}/oauth/token",
            "jwks_uri": f"{base}/.well-known/jwks.json",
            "grant_types_supported": [GRANT],
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }
    )


async def _domain(service: Service, request: Request) -> Domain | None:
    """Return the tenant's domain that the request was sent to; None for the installation's own host."""
    return await service.auth.domains.of_host(request.headers.get("host", ""))


def _count(service: Service, group: str, *whose: str) -> None:
    """Count a request before its caller is authenticated, so that failed requests count too. Raises
    OAuthRefused (429)."""
    result = service.limits.rates.count_token(group, *whose)
    if result is None or result.allowed:
        return
    error = throttling.too_many(result)
    headers = {**throttling.rate_headers(result), **error.headers}
    raise OAuthRefused(error.status, "too_many_requests", error.message, headers)


async def _asked(service: Service, request: Request, source: str) -> dict[str, str]:
    """Return the parameters, all of which are text. Raises OAuthRefused."""
    try:
        with service.limits.body_memory.lease(client=source) as lease:
            raw = await bodies.read_raw(request, MAX_BODY_BYTES, service.settings.pace, lease)
        value = bodies.parse(raw, bodies.media_type(request), TokenRequest)
    except Rejected as rejected:
        status = 413 if rejected.rejection.kind == "too_large" else 400
        raise OAuthRefused(status, "invalid_request", rejected.rejection.message) from rejected
    except HttpError as error:
        status = error.response.status if error.response.status == 408 else 400
        raise OAuthRefused(status, "invalid_request", error.response.message) from error
    if not isinstance(value, dict):
        raise _invalid("The body must be a JSON object or a form")
    given = {name: item for name, item in value.items() if item is not None}
    if not all(isinstance(item, str) for name, item in given.items() if name in TokenRequest.model_fields):
        raise _invalid("All parameters must be text")
    return given


def _credentials(request: Request, asked: Mapping[str, str]) -> tuple[str, str]:
    """Return the client id and secret from the `Authorization` header (Basic) or from the body. Raises
    OAuthRefused if both have them."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        if "client_secret" in asked:
            raise _invalid("Credentials belong in the header or in the body, not in both")
        client_id, secret = _basic(encoded)
        if asked.get("client_id", client_id) != client_id:
            raise _invalid("client_id differs from the one in the header")
        return client_id, secret
    for name in ("grant_type", "client_id", "client_secret"):
        if not asked.get(name):
            raise _invalid(f"Missing required parameter: {name}")
    return asked["client_id"], asked["client_secret"]


def _basic(encoded: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeError):
        raise _invalid_client() from None
    client_id, colon, secret = text.partition(":")
    if not colon:
        raise _invalid_client()
    return unquote_plus(client_id), unquote_plus(secret)


async def _client(service: Service, client_id: str, secret: str, domain: Domain | None) -> Any:
    row = None
    if _CLIENT_ID.fullmatch(client_id):
        with database_failures():
            async with service.storage.database.unbound() as connection, connection.transaction():
                row = await find_client_of_any_tenant(connection, client_id)
    proven = secret_matches(secret, None if row is None else row["secret_hash"])
    if row is None or not proven or (domain is not None and domain.tenant != row["tenant"]):
        raise _invalid_client()
    if not may_ask_for_itself(exact_json.loads(row["settings"])):
        raise OAuthRefused(403, "unauthorized_client", f"Grant type '{GRANT}' not allowed for the client.")
    return row


def _scopes(allowed: Sequence[str], wanted: str | None) -> list[str]:
    if wanted is None or not wanted.strip():
        return list(allowed)
    asked = wanted.split()
    missing = [scope for scope in asked if scope not in allowed]
    if missing:
        raise OAuthRefused(
            400, "invalid_scope", "The client has not been granted all of the requested scopes"
        )
    return asked


def _audience(service: Service, request: Request, asked: str | None) -> str:
    """Return the audience in stored grants of the requested API, of the Management API if `asked` is None."""
    own, host = service.settings.token_audience, request.headers.get("host", "")
    if asked is None or is_ours(asked, own, host):
        return OURS
    if asked == OURS:
        raise _no_service(asked)
    return asked


async def _granted(service: Service, client: Any, client_id: str, audience: str) -> tuple[str, ...]:
    """Return the scopes that the client may request at the API. Raises OAuthRefused if it gets no token."""
    async with service.storage.database.connection(client["tenant"]) as connection:
        found = await list_settings(connection, service.storage.keyring, client["tenant"], "client_grant")
    own = [
        grant.document
        for grant in found
        if grant.document.get("client_id") == client_id and grant.document["subject_type"] == "client"
    ]
    grants = [Granted(document["audience"], tuple(document["scope"])) for document in own]
    scopes = scopes_for(audience, client["scopes"], grants)
    if scopes is not None:
        return scopes
    if audience == OURS:
        raise OAuthRefused(
            403,
            "access_denied",
            'Client is not authorized to access this API: it needs a client grant ("client-grants") for it.',
        )
    raise _no_service(audience)


def _no_service(audience: str) -> OAuthRefused:
    return OAuthRefused(403, "access_denied", f"Service not found: {audience[:200]}")


def _invalid(description: str) -> OAuthRefused:
    return OAuthRefused(400, "invalid_request", description)


def _unsupported(grant: str | None) -> OAuthRefused:
    if grant is None:
        return _invalid("Missing required parameter: grant_type")
    return OAuthRefused(400, "unsupported_grant_type", f"Unsupported grant type: {grant[:100]}")


def _invalid_client() -> OAuthRefused:
    return OAuthRefused(401, "invalid_client", "Unauthorized")


def _refusal(refused: OAuthRefused) -> Response:
    headers = {**_NO_STORE, **refused.headers}
    if refused.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="vita"'
    body = {"error": refused.error, "error_description": refused.description}
    return Response(exact_json.dumps(body), refused.status, headers, responses.JSON)


PUBLIC: Final = (
    Public(
        method="POST",
        path="/oauth/token",
        handler=token,
        summary="Get an access token",
        description=(
            "Issues an access token to a client that authenticates with its client id and secret (client"
            " credentials grant), in the `Authorization` header or in the body."
        ),
        body=TokenRequest,
        result=Token,
        failure=TokenRefused | Failure,
        responses={
            200: "The token.",
            400: "Invalid request.",
            401: "Unknown client or wrong secret.",
            403: "The client has no grant for the API or may not use client credentials.",
            408: "The body did not arrive in time.",
            413: "The body is too large.",
            429: "Too many requests.",
            503: "The service is temporarily unavailable.",
        },
    ),
    Public(
        method="GET",
        path="/.well-known/jwks.json",
        handler=key_set,
        summary="Keys that verify access tokens",
        description="Returns the public keys that verify the access tokens issued at this host.",
        result=KeySet,
        failure=Failure,
        responses={200: "The keys.", 503: "The service is temporarily unavailable."},
    ),
    Public(
        method="GET",
        path="/.well-known/openid-configuration",
        handler=configuration,
        summary="OpenID Connect discovery",
        description="Returns the OpenID Connect discovery document of the issuer at this host.",
        result=dict[str, str | list[str]],
        failure=Failure,
        responses={200: "The discovery document."},
    ),
)
