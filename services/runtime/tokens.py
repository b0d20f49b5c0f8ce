"""Bearer tokens: who asks, signed RS256 (RFC 9068-like JWTs of our own issuer)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from schemas import exact_json
from schemas.identifiers import is_tenant

ALGORITHM: Final = "RS256"
LIFETIME_SECONDS: Final = 86_400
LEEWAY_SECONDS: Final = 10
"""How far two machines' clocks may be apart."""

MISSING: Final = "Missing authentication"
INVALID: Final = "Invalid token"
EXPIRED: Final = "Expired token received for JSON Web Token validation"
BAD_SIGNATURE: Final = "Invalid signature received for JSON Web Token validation"
BAD_FORMAT: Final = "Bad HTTP authentication header format"


class InvalidToken(Exception):
    """Nobody we know. `message`, `status` and `error_code` are what the caller is told."""

    def __init__(self, message: str = INVALID) -> None:
        super().__init__(message)
        self.message = message
        self.status = 400 if message == BAD_FORMAT else 401
        self.error_code = "Bearer" if message == BAD_FORMAT else None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, and what they may do."""

    subject: str
    tenant: str
    client_id: str
    scopes: frozenset[str]


def bearer_token(authorization: str | None) -> str:
    """The token of an `Authorization` header. Raises InvalidToken."""
    if not authorization or not authorization.strip():
        raise InvalidToken(MISSING)
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or token.count(".") != 2 or not token.isascii():
        raise InvalidToken(BAD_FORMAT)
    return token


class TokenIssuer:
    """Signs tokens for API clients (client-credentials grant)."""

    def __init__(self, key: RSAKey, issuer: str) -> None:
        self._key = key
        self._header = {"alg": ALGORITHM, "typ": "JWT", "kid": key.kid}
        self.issuer = issuer

    def issue(self, client_id: str, tenant: str, scopes: Iterable[str], audience: str, now: datetime) -> str:
        """A token valid for a day from `now`."""
        issued_at = int(now.timestamp())
        claims = {
            "iss": self.issuer,
            "sub": f"{client_id}@clients",
            "aud": audience,
            "iat": issued_at,
            "exp": issued_at + LIFETIME_SECONDS,
            "azp": client_id,
            "gty": "client-credentials",
            "scope": " ".join(scopes),
            "tenant": tenant,
        }
        return jws.serialize_compact(self._header, exact_json.dumps(claims), self._key, [ALGORITHM])


def parse(token: str) -> tuple[jws.CompactSignature, str]:
    """A token's parts and its key's id; only form and algorithm are checked. Raises InvalidToken."""
    try:
        parts = jws.extract_compact(token.encode())
        header = parts.headers()
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidToken from error
    kid = header.get("kid")
    if header.get("alg") != ALGORITHM or not isinstance(kid, str):
        raise InvalidToken
    return parts, kid


def check_signature(parts: jws.CompactSignature, key: RSAKey) -> dict[str, Any]:
    """The claims of a token signed with this key. Raises InvalidToken."""
    try:
        genuine = jws.validate_compact(parts, key, [ALGORITHM])
        claims = exact_json.loads(parts.payload) if genuine else None
    except (JoseError, ValueError, TypeError) as error:
        raise InvalidToken from error
    if not genuine:
        raise InvalidToken(BAD_SIGNATURE)
    if not isinstance(claims, dict):
        raise InvalidToken
    return claims


def check_claims(claims: dict[str, Any], issuer: str, audience: str, now: float) -> tuple[Principal, float]:
    """Who the claims name and until when, in seconds of the epoch. Raises InvalidToken."""
    audiences = claims.get("aud")
    audiences = audiences if isinstance(audiences, list) else [audiences]
    expires, not_before = _instant(claims, "exp"), _instant(claims, "nbf", now)
    if expires + LEEWAY_SECONDS <= now:
        raise InvalidToken(EXPIRED)
    if claims.get("iss") != issuer or audience not in audiences or not_before - LEEWAY_SECONDS > now:
        raise InvalidToken
    match claims:
        case {"sub": str(subject), "tenant": str(tenant), "scope": str(scope)} if is_tenant(tenant):
            client_id = claims.get("azp")
            client_id = client_id if isinstance(client_id, str) else subject.removesuffix("@clients")
            return Principal(subject, tenant, client_id, frozenset(scope.split())), expires + LEEWAY_SECONDS
    raise InvalidToken


def _instant(claims: dict[str, Any], name: str, absent: float | None = None) -> float:
    value = claims.get(name, absent)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidToken
    return value
