"""ID tokens that prove a secondary account: `link_with` (fact sheet §9.1)."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import httpx
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import import_key

from services.runtime.auth.issuers import ExternalIssuer, claimed_issuer, named_by
from services.runtime.auth.remote_keys import ANSWER_SECONDS, fetching_keys
from services.runtime.auth.token_verifier import KeySource
from services.runtime.auth.tokens import (
    ALGORITHM,
    EXPIRED,
    InvalidToken,
    Principal,
    check_claims,
    check_signature,
    parse,
)
from services.runtime.postgres.lookup import is_storable
from services.runtime.rejection import Rejected, Rejection, invalid

KEEP_KEYS_SECONDS: Final = 30.0


def _invalid(why: str = "") -> Rejection:
    return invalid(f"Invalid token (link_with).{why and ' '}{why}")


INVALID: Final = _invalid()
WRONG_ALGORITHM: Final = _invalid("It must be signed with RS256.")
WRONG_ISSUER: Final = _invalid("Its issuer is not one of this tenant.")
WRONG_AUDIENCE: Final = _invalid("Its aud must be the azp of the access token.")
WRONG_SUBJECT: Final = _invalid("Its sub must name a user.")
TOO_OLD: Final = _invalid("It has expired.")


class LinkTokens:
    """Verifies ID tokens of our own issuer and of the trusted external issuers."""

    def __init__(
        self,
        own_keys: KeySource,
        own_issuer: str,
        others: Sequence[ExternalIssuer],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._own_keys, self._own, self._clock = own_keys, own_issuer, clock
        self._others = {other.issuer: other for other in others}
        self._kept: dict[str, tuple[float, Mapping[str, Mapping[str, Any]]]] = {}

    async def subject(self, token: str, asking: Principal) -> str:
        """Return the user id that an ID token was issued for. Raises Rejected (invalid), and Transient if the
        issuer's keys cannot be read."""
        if _algorithm(token) not in (None, ALGORITHM):
            raise Rejected(WRONG_ALGORITHM)
        try:
            parts, kid = parse(token)
        except InvalidToken:
            raise Rejected(INVALID) from None
        issuer = claimed_issuer(token)
        other = self._others.get(issuer)
        if other is None and issuer != self._own:
            raise Rejected(WRONG_ISSUER)
        key = (await self._keys(other)).get(kid)
        if key is None:
            raise Rejected(INVALID)
        try:
            claims = check_signature(parts, import_key(dict(key)))
        except (InvalidToken, JoseError, ValueError):
            raise Rejected(INVALID) from None
        return _subject(claims, issuer, other, asking, self._clock())

    async def _keys(self, other: ExternalIssuer | None) -> Mapping[str, Mapping[str, Any]]:
        if other is None:
            return await self._own_keys()
        read_at, keys = self._kept.get(other.issuer, (float("-inf"), {}))
        if self._clock() - read_at > KEEP_KEYS_SECONDS:
            async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as http:
                keys = await fetching_keys(http)(other.jwks_url)()
            self._kept[other.issuer] = self._clock(), keys
        return keys


def _subject(
    claims: dict[str, Any], issuer: str, other: ExternalIssuer | None, asking: Principal, now: float
) -> str:
    client_id = asking.client_id if other is None else asking.client_id.removesuffix(f"@{other.name}")
    audiences = claims.get("aud")
    if client_id not in (audiences if isinstance(audiences, list) else [audiences]):
        raise Rejected(WRONG_AUDIENCE)
    try:
        check_claims(claims, issuer, client_id, now)
        tenant = claims.get("tenant") if other is None else named_by(other)(claims).tenant
    except InvalidToken as error:
        raise Rejected(TOO_OLD if error.message == EXPIRED else INVALID) from None
    if tenant != asking.tenant:
        raise Rejected(WRONG_ISSUER)
    subject = claims.get("sub")
    if not isinstance(subject, str) or "|" not in subject or not is_storable(subject):
        raise Rejected(WRONG_SUBJECT)
    return subject


def _algorithm(token: str) -> object:
    """Return the algorithm in the header; None if the text is not a token."""
    try:
        return jws.extract_compact(token.encode()).headers().get("alg")
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        return None
