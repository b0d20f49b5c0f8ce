"""Verifies bearer tokens against public keys that may be rotated while the process runs."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog
from joserfc.jwk import RSAKey

from schemas.errors import Transient
from services.runtime.tokens import InvalidToken, Principal, check_claims, check_signature, parse

_log = structlog.get_logger()

KeySource = Callable[[], Awaitable[Mapping[str, Mapping[str, Any]]]]
"""Reads the public keys that count now: key id -> JWK. Raises Transient."""

REFRESH_AT_MOST_EVERY_SECONDS: Final = 1.0
REFRESH_AT_LEAST_EVERY_SECONDS: Final = 300.0
RETRY_AFTER_SECONDS: Final = 10.0
REMEMBERED_TOKENS: Final = 10_000


class TokenVerifier:
    """One issuer, one audience. A verified token is remembered by digest until it expires or keys change."""

    def __init__(
        self, keys: KeySource, issuer: str, audience: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._source, self._issuer, self._audience, self._clock = keys, issuer, audience, clock
        self._keys: dict[str, RSAKey] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._known: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """Who the token names. Raises InvalidToken, or Transient when its key cannot be looked up now."""
        now = self._clock()
        if now - self._read_at > REFRESH_AT_LEAST_EVERY_SECONDS:
            await self._notice_retired_keys()
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(digest)
        if known is not None and now < known[1]:
            return known[0]
        principal, until = await self._check(token, now)
        self._remember(digest, principal, until)
        return principal

    async def _check(self, token: str, now: float) -> tuple[Principal, float]:
        parts, kid = parse(token)
        if kid not in self._keys:
            await self._refresh(REFRESH_AT_MOST_EVERY_SECONDS)
        key = self._keys.get(kid)
        if key is None:
            raise InvalidToken
        return check_claims(check_signature(parts, key), self._issuer, self._audience, now)

    def _remember(self, digest: bytes, principal: Principal, until: float) -> None:
        self._known[digest] = principal, until
        self._known.move_to_end(digest)
        while len(self._known) > REMEMBERED_TOKENS:
            self._known.popitem(last=False)

    async def _notice_retired_keys(self) -> None:
        try:
            await self._refresh(REFRESH_AT_LEAST_EVERY_SECONDS)
        except Transient:
            if not self._keys:
                raise
            _log.warning("signing_keys_not_refreshed", known=len(self._keys))
            self._read_at = self._clock() - REFRESH_AT_LEAST_EVERY_SECONDS + RETRY_AFTER_SECONDS

    async def _refresh(self, unless_younger_seconds: float) -> None:
        async with self._reading:
            now = self._clock()
            if now - self._read_at < unless_younger_seconds:
                return
            keys = {kid: RSAKey.import_key(dict(jwk)) for kid, jwk in (await self._source()).items()}
            self._read_at = now
            if keys.keys() != self._keys.keys():
                self._keys = keys
                self._known.clear()
