"""Tokens for SASL OAUTHBEARER, by the client credentials grant of OAuth 2.0 (RFC 6749, section 4.4)."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import httpx
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaConnectionError

ANSWER_SECONDS: Final = 10.0
DEFAULT_LIFETIME_SECONDS: Final = 300.0
USED_SHARE: Final = 0.8
"""A token serves new connections for this share of its lifetime."""


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """A client of an authorization server whose tokens the brokers accept."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None


class ClientCredentials(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka ships no types
    """Gives a valid token to every new connection; a token is kept until most of its lifetime has passed.

    Brokers that limit sessions by the token's lifetime close the connection when it ends; the client then
    connects again with a new token.
    """

    def __init__(self, client: OAuthClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._clock = client, clock
        self._token, self._until = "", 0.0

    async def token(self) -> str:
        """The token. Raises KafkaConnectionError when the authorization server gives none."""
        if not self._token or self._clock() >= self._until:
            asked = self._clock()
            self._token, lifetime = await self._fetched()
            self._until = asked + USED_SHARE * lifetime
        return self._token

    async def _fetched(self) -> tuple[str, float]:
        client = self._client
        form = {"grant_type": "client_credentials"} | ({"scope": client.scope} if client.scope else {})
        try:
            async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as http:
                credentials = (client.client_id, client.client_secret)
                response = await http.post(client.token_url, data=form, auth=credentials)
            return _token_in(response)
        except (httpx.HTTPError, ValueError) as error:
            reason = str(error) if isinstance(error, _Refused) else type(error).__name__
            raise KafkaConnectionError(
                f"no token from {client.token_url} for client {client.client_id}: {reason}"
            ) from None


class _Refused(ValueError):
    """The authorization server answered without a token."""


def _token_in(response: httpx.Response) -> tuple[str, float]:
    """The token and its lifetime in seconds."""
    if response.status_code != httpx.codes.OK:
        raise _Refused(f"status {response.status_code}")
    document: Any = response.json()
    token = document.get("access_token") if isinstance(document, dict) else None
    if not isinstance(token, str) or not token:
        raise _Refused("the answer holds no access_token")
    return token, float(document.get("expires_in") or DEFAULT_LIFETIME_SECONDS)


@cache
def provider_of(client: OAuthClient) -> ClientCredentials:
    """The provider that all connections of this process share."""
    return ClientCredentials(client)
