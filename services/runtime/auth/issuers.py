"""Issuers of tokens: our own, and others that an operator trusts for tenants that are named beforehand."""

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
"""Asymmetric signatures only: a party that can verify such a token cannot issue one."""


class ExternalIssuer(BaseModel):
    """One issuer that is trusted, and for whom. Its clients are known as `<client>@<name>`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")
    issuer: str = Field(min_length=1)
    jwks_url: str
    audience: str = Field(min_length=1)
    tenant: str | None = Field(None, description="The tenant of all its tokens; or else:")
    tenant_claim: str | None = Field(None, description="The claim that names it, by way of `tenants`.")
    tenants: Mapping[str, str] = Field({}, description="The claim's values and the tenants they stand for.")
    scopes_claim: str = Field("scope", description="Text with blanks between scopes, or an array of them.")
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = ("RS256",)

    @field_validator("jwks_url")
    @classmethod
    def _cannot_be_tampered_with(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
            raise ValueError("keys are fetched over https, or from this machine")
        return url

    @model_validator(mode="after")
    def _names_its_tenants(self) -> Self:
        fixed, by_claim = self.tenant is not None, self.tenant_claim is not None
        if fixed == by_claim or by_claim != bool(self.tenants):
            raise ValueError("give either `tenant`, or `tenant_claim` and `tenants`")
        for tenant in (self.tenant, *self.tenants.values()):
            if tenant is not None and not is_tenant(tenant):
                raise ValueError(f"{tenant} is no tenant's name")
        return self


def named_by(issuer: ExternalIssuer) -> Callable[[dict[str, Any]], Principal]:
    """Whom a token of this issuer names. The function raises InvalidToken."""

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
    """Who a token names."""

    async def verify(self, token: str) -> Principal:
        """Raises InvalidToken or Transient."""


class Issuers:
    """Asks the issuer that a token claims to be of; that one then checks the claim with all others."""

    def __init__(self, own: Verifier, others: Mapping[str, Verifier]) -> None:
        self._own, self._others = own, dict(others)

    async def verify(self, token: str) -> Principal:
        """Who the token names. Raises InvalidToken or Transient."""
        return await self._others.get(claimed_issuer(token), self._own).verify(token)


def verifier_of(
    own_keys: KeySource,
    own: Trust,
    others: Sequence[ExternalIssuer],
    keys_at: Callable[[str], KeySource],
) -> Verifier:
    """Checks tokens of our own issuer and of the others. Raises ValueError for two of one address."""
    verifier = TokenVerifier(own_keys, own)
    if not others:
        return verifier
    issuers = [own.issuer, *(other.issuer for other in others)]
    if len(set(issuers)) != len(issuers) or len({other.name for other in others}) != len(others):
        raise ValueError("every issuer has an address and a name of its own")
    return Issuers(
        verifier,
        {other.issuer: TokenVerifier(keys_at(other.jwks_url), trust_of(other)) for other in others},
    )


def trust_of(other: ExternalIssuer) -> Trust:
    """What is taken of an external issuer."""
    return Trust(
        other.issuer,
        other.audience,
        named_by(other),
        frozenset(other.algorithms),
        KEYS_AT_MOST_EVERY_SECONDS,
    )


def claimed_issuer(token: str) -> str:
    """Unchecked, hence only good for choosing who checks."""
    try:
        issuer = claims_in(jws.extract_compact(token.encode()).payload).get("iss")
    except (JoseError, InvalidToken, ValueError, TypeError, KeyError, RecursionError):
        return ""
    return issuer if isinstance(issuer, str) else ""
