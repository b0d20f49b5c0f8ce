"""External issuers: only those configured, only for their tenants, over keys fetched seldom and with care."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey
from pydantic import ValidationError

from schemas.errors import Transient
from services.runtime.auth import remote_keys
from services.runtime.auth.issuers import ExternalIssuer, Issuers, Verifier, trust_of, verifier_of
from services.runtime.auth.remote_keys import fetching_keys, usable_keys
from services.runtime.auth.token_verifier import TokenVerifier, Trust
from services.runtime.auth.tokens import BAD_SIGNATURE, EXPIRED, INVALID, InvalidToken, TokenIssuer
from tests.support.issuer import Issuer, rsa_key, serving_issuer

OWN, OWN_AUDIENCE, AUDIENCE = (
    "https://vita.example/",
    "https://vita.example/api/v2/",
    "https://vita.example/api",
)
OWN_KEY = rsa_key("own")


class Clock:
    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with serving_issuer() as serving:
        yield serving


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


def configured(issuer: Issuer, **changes: Any) -> ExternalIssuer:
    given = {
        "name": "corp", "tenant": "demo", "audience": AUDIENCE,
        "issuer": issuer.url, "jwks_url": f"{issuer.url}jwks",
    } | changes  # fmt: skip
    return ExternalIssuer(**{name: value for name, value in given.items() if value is not ...})


def only(
    issuer: Issuer, http: httpx.AsyncClient, clock: Clock | None = None, **changes: Any
) -> TokenVerifier:
    """The verifier of this one issuer, under a clock that a test moves."""
    external = configured(issuer, **changes)
    return TokenVerifier(fetching_keys(http)(external.jwks_url), trust_of(external), clock or Clock())


async def own_keys() -> dict[str, dict[str, Any]]:
    return {"own": dict(OWN_KEY.as_dict(private=False))}


async def refusal(verifier: Verifier, token: str) -> str:
    with pytest.raises(InvalidToken) as caught:
        await verifier.verify(token)
    return caught.value.message


async def test_tokens_of_both_issuers_are_taken(issuer: Issuer, http: httpx.AsyncClient) -> None:
    """Our own token and the other's each name whom they should; the other's client can be none of ours."""
    verifier = verifier_of(own_keys, Trust(OWN, OWN_AUDIENCE), [configured(issuer)], fetching_keys(http))
    assert isinstance(verifier, Issuers)
    now = datetime.now(UTC)
    ours = TokenIssuer(OWN_KEY, OWN).issue("app", "other", ["read:users"], OWN_AUDIENCE, now)
    assert (await verifier.verify(ours)).client_id == "app"
    theirs = await verifier.verify(issuer.token())
    assert (theirs.subject, theirs.tenant, theirs.client_id) == ("auth0|jane", "demo", "app@corp")
    assert theirs.scopes == {"read:users", "read:connections"}
    assert await refusal(verifier, issuer.token(iss="https://stranger.example/")) == INVALID


async def test_an_issuer_is_trusted_for_its_own_tenants_only(issuer: Issuer, http: httpx.AsyncClient) -> None:
    """A token's own `tenant` claim and a value that is not configured give no access."""
    fixed = only(issuer, http)
    assert (await fixed.verify(issuer.token(tenant="other"))).tenant == "demo"
    mapped = only(issuer, http, tenant=..., tenant_claim="org", tenants={"acme": "acme-co"})
    assert (await mapped.verify(issuer.token())).tenant == "acme-co"
    for value in ("acme-co", "demo", "other", "", None, ["acme"], 7, ...):
        assert await refusal(mapped, issuer.token(org=value, tenant="demo")) == INVALID


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"exp": 1}, EXPIRED),
        ({"exp": ...}, INVALID),
        ({"exp": "2030"}, INVALID),
        ({"nbf": 4_000_000_000}, INVALID),
        ({"iat": 4_000_000_000}, INVALID),
        ({"aud": "https://elsewhere.example/"}, INVALID),
        ({"aud": ["a", "b"]}, INVALID),
        ({"sub": ...}, INVALID),
        ({"azp": 7}, INVALID),
        ({"scope": 7}, INVALID),
        ({"scope": ["read:users", 7]}, INVALID),
    ],
)
async def test_every_claim_is_checked(
    issuer: Issuer, http: httpx.AsyncClient, changes: dict[str, Any], message: str
) -> None:
    """A genuine signature of a trusted issuer does not make up for time, audience or shape."""
    assert await refusal(only(issuer, http), issuer.token(**changes)) == message


async def test_scopes_come_as_text_or_as_an_array(issuer: Issuer, http: httpx.AsyncClient) -> None:
    """Okta, Entra and Auth0 write them differently; without any there are none."""
    arrays = only(issuer, http, scopes_claim="permissions")
    token = issuer.token(permissions=["read:users"], aud=["x", AUDIENCE])
    assert (await arrays.verify(token)).scopes == {"read:users"}
    assert (await arrays.verify(issuer.token())).scopes == frozenset()


def by_hand(header: dict[str, Any], claims: dict[str, Any], secret: bytes | None) -> str:
    signed = ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)
    )
    mac = b"" if secret is None else hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


async def test_algorithms_cannot_be_confused(issuer: Issuer, http: httpx.AsyncClient) -> None:
    """`none`, the public key as a shared secret, a shared secret, one that is not configured: refused."""
    verifier, key = only(issuer, http), issuer.keys[0]
    for algorithm in ("none", "HS256", "RS512", "PS256", "ES256"):
        for secret in (None, key.as_pem(private=False), json.dumps(key.as_dict(private=False)).encode()):
            token = by_hand({"alg": algorithm, "kid": key.kid}, issuer.claims(), secret)
            assert await refusal(verifier, token) == INVALID
    issuer.extra = [{**OctKey.import_key(b"s" * 32).as_dict(), "kid": "shared"}]
    assert (
        await refusal(verifier, by_hand({"alg": "HS256", "kid": "shared"}, issuer.claims(), b"s" * 32))
        == INVALID
    )
    stranger = rsa_key(str(key.kid))
    assert await refusal(verifier, issuer.token(stranger)) == BAD_SIGNATURE
    assert await refusal(verifier, issuer.token(algorithm="RS512")) == INVALID


async def test_other_algorithms_by_configuration(issuer: Issuer, http: httpx.AsyncClient) -> None:
    """Elliptic curves and PSS where the operator says so, and then nothing else."""
    curve = ECKey.generate_key("P-256", {"kid": "curve"})
    issuer.keys.append(curve)
    verifier = only(issuer, http, algorithms=["ES256", "PS256"])
    await verifier.verify(issuer.token(curve, "ES256"))
    await verifier.verify(issuer.token(issuer.keys[0], "PS256"))
    assert await refusal(verifier, issuer.token(issuer.keys[0])) == INVALID


async def test_rotated_keys_are_found_and_withdrawn_ones_forgotten(
    issuer: Issuer, http: httpx.AsyncClient
) -> None:
    """A new key counts after half a minute, also under an old id; a withdrawn one stops within minutes."""
    clock = Clock()
    verifier = only(issuer, http, clock)
    old = issuer.token(exp=int(time.time()) + 3600)
    await verifier.verify(old)
    issuer.keys = [rsa_key("second")]
    clock.ahead += 31
    await verifier.verify(issuer.token())
    assert await refusal(verifier, old) == INVALID
    issuer.keys = [rsa_key("second")]
    clock.ahead += 301
    await verifier.verify(issuer.token())


async def test_made_up_key_ids_cost_one_fetch(issuer: Issuer, http: httpx.AsyncClient) -> None:
    """The issuer's keys are fetched at most once in 30 seconds, however many unknown key ids arrive."""
    verifier, key = only(issuer, http), issuer.keys[0].as_dict(private=True)
    for number in range(50):
        made_up = RSAKey.import_key({**key, "kid": f"made-up-{number}"})
        assert await refusal(verifier, issuer.token(made_up)) == INVALID
    assert issuer.reads == 1


@pytest.mark.parametrize(
    "trouble", [{"status": 500}, {"status": 302}, {"padding": 300_000}, {"url": "http://127.0.0.1:1/"}]
)
async def test_an_issuer_in_trouble_is_left_alone(
    issuer: Issuer, http: httpx.AsyncClient, trouble: dict[str, Any]
) -> None:
    """What cannot be fetched is to be retried, and is not fetched for every token meanwhile."""
    for name, value in trouble.items():
        setattr(issuer, name, value)
    verifier = only(issuer, http)
    for _ in range(20):
        with pytest.raises(Transient):
            await verifier.verify(issuer.token())
    assert issuer.reads <= 1


async def test_an_issuer_that_hangs_is_not_waited_for(
    issuer: Issuer, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known keys go on counting; an unknown one is to be retried soon."""
    monkeypatch.setattr(remote_keys, "ANSWER_SECONDS", 0.2)
    clock = Clock()
    verifier = only(issuer, http, clock)
    token = issuer.token(exp=int(time.time()) + 3600)
    await verifier.verify(token)
    issuer.hanging = threading.Event()
    clock.ahead += 301
    await verifier.verify(token)
    clock.ahead += 31
    with pytest.raises(Transient):
        await verifier.verify(issuer.token(rsa_key("new")))


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"keys":{}}', b"<html>", b'{"keys":7}', b"\xff"])
def test_an_invalid_key_set_is_refused(content: bytes) -> None:
    """A page of a proxy is not an empty set of keys."""
    with pytest.raises(ValueError, match=r"(?i)key set|input|unexpected|utf"):
        usable_keys(content)


def test_useless_keys_do_no_harm() -> None:
    """Secrets, keys for encryption, private keys and nonsense are passed over."""
    good = rsa_key("good")
    public = good.as_dict(private=False)
    private = {**good.as_dict(private=True), "kid": "private"}
    keys = [
        7,
        {},
        {"kty": "RSA", "kid": "broken"},
        {"kty": "zz", "kid": "odd"},
        {"kty": "oct", "k": "AA", "kid": "shared"},
        {**public, "kid": "enc", "use": "enc"},
        {**public, "kid": None},
        private,
        public,
    ]
    assert list(usable_keys(json.dumps({"keys": keys}).encode())) == ["good"]


@pytest.mark.parametrize(
    "changes",
    [
        {"tenant": ...},
        {"tenant_claim": "org", "tenants": {"a": "demo"}},
        {"tenant": ..., "tenant_claim": "org"},
        {"tenant": ..., "tenants": {"a": "demo"}},
        {"tenant": ..., "tenant_claim": "org", "tenants": {"a": "No Tenant"}},
        {"tenant": "No Tenant"},
        {"jwks_url": "http://keys.example/"},
        {"jwks_url": "file:///etc/passwd"},
        {"algorithms": []},
        {"algorithms": ["HS256"]},
        {"algorithms": ["none"]},
        {"name": "A b"},
        {"surprise": 1},
    ],
)
def test_unsafe_configurations_are_refused(changes: dict[str, Any]) -> None:
    """Shared secrets, unknown tenants, keys over an open line: refused when the process starts."""
    with pytest.raises(ValidationError):
        configured(Issuer("https://corp.example/"), **changes)


def test_two_issuers_of_one_address_are_refused() -> None:
    """An external issuer with the address of another one, or of our own issuer, is refused."""
    one, two = Issuer("https://corp.example/"), Issuer(OWN)
    for others in (
        [configured(one), configured(one, name="b")],
        [configured(one), configured(Issuer("https://b/"))],
    ):
        with pytest.raises(ValueError, match="address and a name"):
            verifier_of(own_keys, Trust(OWN, OWN_AUDIENCE), others, fetching_keys(httpx.AsyncClient()))
    with pytest.raises(ValueError, match="address and a name"):
        verifier_of(own_keys, Trust(OWN, OWN_AUDIENCE), [configured(two)], fetching_keys(httpx.AsyncClient()))
