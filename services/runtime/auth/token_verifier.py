"""Verifies bearer tokens against public keys that may be rotated while the process runs."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from joserfc.jwk import Key, import_key

from schemas.errors import Transient
from services.runtime.auth.tokens import (
    ALGORITHM,
    InvalidToken,
    Principal,
    check_claims,
    check_signature,
    own_principal,
    parse,
)

_log = structlog.get_logger()

KeySource = Callable[[], Awaitable[Mapping[str, Mapping[str, Any]]]]
"""Reads the public keys that count now: key id -> JWK. Raises Transient."""

REFRESH_AT_LEAST_EVERY_SECONDS: Final = 300.0
RETRY_AFTER_SECONDS: Final = 10.0
REMEMBERED_TOKENS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Trust:
    """Which tokens of an issuer are taken, and whom their claims name (raises InvalidToken)."""

    issuer: str
    audience: str
    named: Callable[[dict[str, Any]], Principal] = own_principal
    algorithms: frozenset[str] = frozenset({ALGORITHM})
    refresh_at_most_every_seconds: float = 1.0


class TokenVerifier:
    """One issuer. A verified token is remembered by digest until it expires or keys change."""

    def __init__(self, keys: KeySource, trust: Trust, clock: Callable[[], float] = time.time) -> None:
        self._source, self._trust, self._clock = keys, trust, clock
        self._published: Mapping[str, Mapping[str, Any]] = {}
        self._keys: dict[str, Key] = {}
        self._read_at = self._failed_at = float("-inf")
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
        trust = self._trust
        parts, kid = parse(token, trust.algorithms)
        if kid not in self._keys:
            await self._refresh(trust.refresh_at_most_every_seconds)
        key = self._keys.get(kid)
        if key is None:
            raise InvalidToken
        claims = check_signature(parts, key, trust.algorithms)
        until = check_claims(claims, trust.issuer, trust.audience, now)
        return trust.named(claims), until

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
        """Read the keys again, with a minimum interval between attempts, whether they succeed or fail."""
        async with self._reading:
            now = self._clock()
            if now - self._read_at < unless_younger_seconds:
                return
            if now - self._failed_at < self._trust.refresh_at_most_every_seconds:
                raise Transient("the keys of the issuer could not be read a moment ago")
            try:
                published = await self._source()
            except Transient:
                self._failed_at = now
                raise
            self._read_at = now
            if published != self._published:
                self._published, self._keys = published, _imported(published)
                self._known.clear()


def _imported(published: Mapping[str, Mapping[str, Any]]) -> dict[str, Key]:
    return {kid: import_key(dict(jwk)) for kid, jwk in published.items()}
