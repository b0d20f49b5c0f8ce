"""The public keys of an external issuer, from its JSON Web Key Set (RFC 7517): few, soon, or none."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import import_key

from schemas.errors import Transient
from schemas.formats import exact_json
from services.runtime.auth.issuers import ExternalIssuer, Verifier, verifier_of
from services.runtime.auth.token_verifier import KeySource, Trust

ANSWER_SECONDS: Final = 5.0
MAX_BYTES: Final = 256 * 1024
MAX_KEYS: Final = 100
_KINDS: Final = ("RSA", "EC", "OKP")
_log = structlog.get_logger()


@asynccontextmanager
async def open_verifier(
    own_keys: KeySource, own: Trust, others: Sequence[ExternalIssuer]
) -> AsyncIterator[Verifier]:
    """Checks tokens of our own issuer and of the others. Raises ValueError for two of one address."""
    if not others:
        yield verifier_of(own_keys, own, (), _nowhere)
        return
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as http:
        yield verifier_of(own_keys, own, others, fetching_keys(http))


def _nowhere(url: str) -> KeySource:
    raise AssertionError(f"no issuer was configured at {url}")


def fetching_keys(http: httpx.AsyncClient) -> Callable[[str], KeySource]:
    """Key sources by address; redirects are not followed, an answer out of bounds is none."""

    def keys_at(url: str) -> KeySource:
        async def read() -> Mapping[str, Mapping[str, Any]]:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    return usable_keys(await _fetch(http.stream("GET", url)))
            except (httpx.HTTPError, TimeoutError, ValueError) as error:
                _log.warning("issuer_keys_not_read", url=url, error=type(error).__name__)
                raise Transient(f"keys at {url}: {type(error).__name__}") from error

        return read

    return keys_at


async def _fetch(answering: AbstractAsyncContextManager[httpx.Response]) -> bytes:
    content = bytearray()
    async with answering as response:
        if response.status_code != httpx.codes.OK:
            raise ValueError(f"status {response.status_code}")
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > MAX_BYTES:
                raise ValueError("too large")
    return bytes(content)


def usable_keys(content: bytes) -> dict[str, dict[str, Any]]:
    """Key id -> JWK of the public keys that may check signatures; others in the set do no harm.

    Raises ValueError for what is no key set.
    """
    document = exact_json.loads(content)
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise ValueError("no key set")
    return {key["kid"]: key for key in keys[:MAX_KEYS] if _is_usable(key)}


def _is_usable(key: Any) -> bool:
    if not isinstance(key, dict) or not isinstance(key.get("kid"), str):
        return False
    if key.get("kty") not in _KINDS or key.get("use", "sig") != "sig" or "d" in key:
        return False
    try:
        import_key(key)
    except (JoseError, ValueError, TypeError, KeyError):
        return False
    return True
