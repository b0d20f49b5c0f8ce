"""Bearer tokens: who asks, signed RS256 (RFC 9068-like JWTs of our own issuer)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from joserfc import jws
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import Key, RSAKey
from joserfc.jwt import JWTClaimsRegistry

from schemas.formats import exact_json
from schemas.formats.identifiers import is_tenant

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
    """The token is invalid. `message`, `status` and `error_code` are those of the response."""

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
        self.issuer, self.kid = issuer, key.kid

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


def parse(token: str, algorithms: Collection[str] = (ALGORITHM,)) -> tuple[jws.CompactSignature, str]:
    """A token's parts and its key's id; only form and algorithm are checked. Raises InvalidToken."""
    try:
        parts = jws.extract_compact(token.encode())
        header = parts.headers()
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidToken from error
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in algorithms or not isinstance(kid, str):
        raise InvalidToken
    return parts, kid


def check_signature(
    parts: jws.CompactSignature, key: Key, algorithms: Collection[str] = (ALGORITHM,)
) -> dict[str, Any]:
    """The claims of a token signed with this key. Raises InvalidToken."""
    try:
        genuine = jws.validate_compact(parts, key, list(algorithms))
    except (JoseError, ValueError, TypeError) as error:
        raise InvalidToken from error
    if not genuine:
        raise InvalidToken(BAD_SIGNATURE)
    return claims_in(parts.payload)


def claims_in(payload: bytes) -> dict[str, Any]:
    """Return the claims of a payload from any issuer. Raises InvalidToken."""
    try:
        claims = exact_json.loads(payload)
    except ValueError as error:
        raise InvalidToken from error
    if not isinstance(claims, dict):
        raise InvalidToken
    return claims


def check_claims(claims: dict[str, Any], issuer: str, audience: str, now: float) -> float:
    """Return until when the claims hold, in seconds since the epoch, leeway included.

    Raises InvalidToken when they do not hold at `now`, or not for this issuer and audience.

    Times come first, so that an expired token is reported as expired, whatever else it says.
    """
    times = JWTClaimsRegistry(int(now), LEEWAY_SECONDS, exp={"essential": True})
    parties = JWTClaimsRegistry(
        iss={"essential": True, "value": issuer}, aud={"essential": True, "value": audience}
    )
    try:
        times.validate({name: claims[name] for name in ("exp", "nbf", "iat") if name in claims})
        parties.validate({name: claims[name] for name in ("iss", "aud") if name in claims})
    except ExpiredTokenError:
        raise InvalidToken(EXPIRED) from None
    except JoseError:
        raise InvalidToken from None
    until: float = claims["exp"] + LEEWAY_SECONDS
    return until


def own_principal(claims: dict[str, Any]) -> Principal:
    """Who the claims of our own issuer name. Raises InvalidToken."""
    match claims:
        case {"sub": str(subject), "tenant": str(tenant), "scope": str(scope)} if is_tenant(tenant):
            client_id = claims.get("azp")
            client_id = client_id if isinstance(client_id, str) else subject.removesuffix("@clients")
            return Principal(subject, tenant, client_id, frozenset(scope.split()))
    raise InvalidToken
