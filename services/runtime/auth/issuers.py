"""Token issuers: this installation's own, and external ones that an operator trusts for certain tenants."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Protocol, Self
from urllib.parse import urlsplit

from joserfc import jws
from joserfc.errors import JoseError
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from schemas.formats.identifiers import is_tenant
from services.runtime.auth.token_verifier import KeySource, TokenVerifier, Trust
from services.runtime.auth.tokens import InvalidToken, Principal, claims_in

KEYS_AT_MOST_EVERY_SECONDS: Final = 30.0
_LOCAL: Final = ("127.0.0.1", "::1", "localhost")
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384"]
"""Only asymmetric signatures: a party that can verify such a token cannot issue one."""


class ExternalIssuer(BaseModel):
    """An external issuer and the tenants for which it is trusted. Its clients have ids `<client>@<name>`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")
    issuer: str = Field(min_length=1)
    jwks_url: str
    audience: str = Field(min_length=1)
    tenant: str | None = Field(None, description="The tenant of all tokens; excludes `tenant_claim`.")
    tenant_claim: str | None = Field(None, description="The claim whose value selects the tenant.")
    tenants: Mapping[str, str] = Field({}, description="The tenant for each value of `tenant_claim`.")
    scopes_claim: str = Field("scope", description="The claim with the scopes: an array, or text.")
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = ("RS256",)

    @field_validator("jwks_url")
    @classmethod
    def _cannot_be_tampered_with(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
            raise ValueError("jwks_url must use https, unless its host is this machine")
        return url

    @model_validator(mode="after")
    def _names_its_tenants(self) -> Self:
        fixed, by_claim = self.tenant is not None, self.tenant_claim is not None
        if fixed == by_claim or by_claim != bool(self.tenants):
            raise ValueError("give either `tenant`, or `tenant_claim` and `tenants`")
        for tenant in (self.tenant, *self.tenants.values()):
            if tenant is not None and not is_tenant(tenant):
                raise ValueError(f"{tenant} is not a valid tenant name")
        return self


def named_by(issuer: ExternalIssuer) -> Callable[[dict[str, Any]], Principal]:
    """Return a function that maps the claims of a token of this issuer to a principal and raises
    InvalidToken."""

    def named(claims: dict[str, Any]) -> Principal:
        subject, tenant = claims.get("sub"), _tenant(issuer, claims)
        client_id = claims.get("azp", claims.get("client_id", subject))
        if not isinstance(subject, str) or not isinstance(client_id, str) or tenant is None:
            raise InvalidToken
        known_as = f"{client_id.removesuffix('@clients')}@{issuer.name}"
        return Principal(subject, tenant, known_as, _scopes(claims.get(issuer.scopes_claim)))

    return named


def _tenant(issuer: ExternalIssuer, claims: dict[str, Any]) -> str | None:
    if issuer.tenant_claim is None:
        return issuer.tenant
    value = claims.get(issuer.tenant_claim)
    return issuer.tenants.get(value) if isinstance(value, str) else None


def _scopes(value: object) -> frozenset[str]:
    match value:
        case None:
            return frozenset()
        case str():
            return frozenset(value.split())
        case list() if all(isinstance(item, str) for item in value):
            return frozenset(value)
    raise InvalidToken


class Verifier(Protocol):
    """Verifies tokens."""

    async def verify(self, token: str) -> Principal:
        """Return the principal that the token names. Raises InvalidToken or Transient."""


class Issuers:
    """Verifies each token with the verifier of the issuer that it claims; that verifier checks the claim."""

    def __init__(self, own: Verifier, others: Mapping[str, Verifier]) -> None:
        self._own, self._others = own, dict(others)

    async def verify(self, token: str) -> Principal:
        """Return the principal that the token names. Raises InvalidToken or Transient."""
        return await self._others.get(claimed_issuer(token), self._own).verify(token)


def verifier_of(
    own_keys: KeySource,
    own: Trust,
    others: Sequence[ExternalIssuer],
    keys_at: Callable[[str], KeySource],
) -> Verifier:
    """Return a verifier for tokens of our own issuer and of the external ones.

    `keys_at` returns the source of the keys at a JWKS URL. Raises ValueError if two issuers have one address
    or one name.
    """
    verifier = TokenVerifier(own_keys, own)
    if not others:
        return verifier
    issuers = [own.issuer, *(other.issuer for other in others)]
    if len(set(issuers)) != len(issuers) or len({other.name for other in others}) != len(others):
        raise ValueError("every issuer needs an address and a name of its own")
    return Issuers(
        verifier,
        {other.issuer: TokenVerifier(keys_at(other.jwks_url), trust_of(other)) for other in others},
    )


def trust_of(other: ExternalIssuer) -> Trust:
    """Return the conditions under which tokens of an external issuer are accepted."""
    return Trust(
        other.issuer,
        other.audience,
        named_by(other),
        frozenset(other.algorithms),
        KEYS_AT_MOST_EVERY_SECONDS,
    )


def claimed_issuer(token: str) -> str:
    """Return the unverified `iss` claim, only to select the verifier; "" if the token has none."""
    try:
        issuer = claims_in(jws.extract_compact(token.encode()).payload).get("iss")
    except (JoseError, InvalidToken, ValueError, TypeError, KeyError, RecursionError):
        return ""
    return issuer if isinstance(issuer, str) else ""
