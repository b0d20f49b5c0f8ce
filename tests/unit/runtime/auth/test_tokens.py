"""Bearer tokens: what is signed is understood, and nothing else is."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import RSAKey

from schemas.errors import Transient
from services.ledger.keys.signing_keys import jwks
from services.runtime.auth.token_verifier import REMEMBERED_TOKENS, TokenVerifier, Trust
from services.runtime.auth.tokens import (
    BAD_FORMAT,
    BAD_SIGNATURE,
    EXPIRED,
    INVALID,
    LEEWAY_SECONDS,
    LIFETIME_SECONDS,
    MISSING,
    InvalidToken,
    Principal,
    TokenIssuer,
    bearer_token,
    check_signature,
    parse,
)

ISSUER, AUDIENCE = "https://vita.example/", "https://vita.example/api/v2/"
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def make_key() -> RSAKey:
    key = RSAKey.generate_key(2048)
    return RSAKey.import_key(key.as_dict(private=True), {"kid": key.thumbprint()})


KEY, OTHER_KEY = make_key(), make_key()


class Keys:
    """A key source whose content and health a test sets, counting how often it is read."""

    def __init__(self, *keys: RSAKey) -> None:
        self.keys = list(keys)
        self.reads = 0
        self.broken = False

    async def __call__(self) -> dict[str, dict[str, Any]]:
        self.reads += 1
        if self.broken:
            raise Transient("database away")
        return {str(key.kid): dict(key.as_dict(private=False)) for key in self.keys}


class Clock:
    def __init__(self, now: datetime = NOW) -> None:
        self.now = now.timestamp()

    def __call__(self) -> float:
        return self.now


def make_verifier(keys: Keys | None = None, clock: Clock | None = None) -> TokenVerifier:
    return TokenVerifier(keys or Keys(KEY), Trust(ISSUER, AUDIENCE), clock or Clock())


def claims_of(**changes: Any) -> dict[str, Any]:
    claims = {
        "iss": ISSUER,
        "sub": "abc@clients",
        "aud": AUDIENCE,
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 60,
        "azp": "abc",
        "scope": "read:users publish:logins",
        "tenant": "demo",
    } | changes
    return {name: value for name, value in claims.items() if value is not ...}


def sign(claims: Any, key: RSAKey = KEY, **header: Any) -> str:
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return jws.serialize_compact({"alg": "RS256", "kid": key.kid, **header}, payload, key, ["RS256"])


def by_hand(header: dict[str, Any], claims: dict[str, Any], signature: bytes) -> str:
    """A token put together without any library's checks."""
    return ".".join(
        encode(part) for part in (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    )


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def refusal(token: str, verifier: TokenVerifier | None = None) -> str:
    with pytest.raises(InvalidToken) as caught:
        await (verifier or make_verifier()).verify(token)
    return caught.value.message


async def test_an_issued_token_names_its_client() -> None:
    """What the issuer signs, the verifier understands."""
    token = TokenIssuer(KEY, ISSUER).issue("abc", "demo", ["read:users", "publish:logins"], AUDIENCE, NOW)
    principal = await make_verifier().verify(token)
    assert principal == Principal("abc@clients", "demo", "abc", frozenset({"read:users", "publish:logins"}))


async def test_a_token_dies_after_its_day() -> None:
    """It is good for a day and the leeway, also when seen before, and then refused as expired."""
    clock = Clock()
    verifier = make_verifier(clock=clock)
    token = TokenIssuer(KEY, ISSUER).issue("abc", "demo", [], AUDIENCE, NOW)
    clock.now += LIFETIME_SECONDS + LEEWAY_SECONDS - 1
    await verifier.verify(token)
    clock.now += 1
    assert await refusal(token, verifier) == EXPIRED


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"exp": int(NOW.timestamp()) - LEEWAY_SECONDS}, EXPIRED),
        ({"exp": ...}, INVALID),
        ({"exp": "tomorrow"}, INVALID),
        ({"exp": True}, INVALID),
        ({"nbf": int(NOW.timestamp()) + LEEWAY_SECONDS + 1}, INVALID),
        ({"nbf": None}, INVALID),
        ({"iat": int(NOW.timestamp()) + LEEWAY_SECONDS + 1}, INVALID),
        ({"iat": "yesterday"}, INVALID),
        ({"iss": "https://elsewhere.example/"}, INVALID),
        ({"iss": ...}, INVALID),
        ({"aud": "https://elsewhere.example/"}, INVALID),
        ({"aud": ["https://elsewhere.example/"]}, INVALID),
        ({"aud": ...}, INVALID),
        ({"aud": {AUDIENCE: 1}}, INVALID),
        ({"aud": [AUDIENCE, 1]}, INVALID),
        ({"tenant": ...}, INVALID),
        ({"tenant": "No Tenant"}, INVALID),
        ({"tenant": 7}, INVALID),
        ({"scope": ["read:users"]}, INVALID),
        ({"sub": None}, INVALID),
    ],
)
async def test_wrong_claims_are_refused(changes: dict[str, Any], message: str) -> None:
    """A token with a genuine signature for another audience or time, or with malformed claims, is refused."""
    assert await refusal(sign(claims_of(**changes))) == message


@pytest.mark.parametrize(
    "changes", [{"aud": [AUDIENCE, "other"]}, {"nbf": int(NOW.timestamp()) + 5}, {"azp": ...}]
)
async def test_other_issuers_ways_are_understood(changes: dict[str, Any]) -> None:
    """Several audiences, clocks a little apart and a missing `azp` do no harm."""
    assert (await make_verifier().verify(sign(claims_of(**changes)))).client_id == "abc"


async def test_a_strangers_signature_is_refused() -> None:
    """A token signed by another key under our key's id is refused as such."""
    assert await refusal(sign(claims_of(), OTHER_KEY, kid=KEY.kid)) == BAD_SIGNATURE


async def test_altered_claims_are_refused() -> None:
    """The claims of one token under the signature of another do not pass."""
    head, _, signature = sign(claims_of()).split(".")
    forged = encode(json.dumps(claims_of(tenant="other")).encode())
    assert await refusal(f"{head}.{forged}.{signature}") == BAD_SIGNATURE


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS512", "PS256", "rs256", ["RS256"], None])
async def test_no_algorithm_but_ours(algorithm: Any) -> None:
    """Neither `none`, nor the public key used as a shared secret, nor any other algorithm is accepted."""
    header = {"alg": algorithm, "kid": KEY.kid}
    signed = by_hand(header, claims_of(), b"").rpartition(".")[0]
    secret = KEY.as_pem(private=False)
    assert (
        await refusal(f"{signed}.{encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}")
        == INVALID
    )
    assert await refusal(f"{signed}.") == INVALID


@pytest.mark.parametrize(
    "header", [{"crit": ["exp"]}, {"kid": ["x"]}, {"kid": ...}, {"jwk": {"kty": "oct", "k": "AA"}}]
)
async def test_strange_headers_are_refused(header: dict[str, Any]) -> None:
    """Critical extensions, keys brought along and key ids that are none lead nowhere."""
    full = {
        name: value for name, value in ({"alg": "RS256", "kid": KEY.kid} | header).items() if value is not ...
    }
    assert await refusal(by_hand(full, claims_of(), b"x")) in (INVALID, BAD_SIGNATURE)


@pytest.mark.parametrize("payload", [b"", b"[]", b"7", b"{", b"\xff", b"[" * 3000, b'{"exp":1e999}'])
async def test_signed_nonsense_is_refused(payload: bytes) -> None:
    """A payload that is no JSON object is refused even with a genuine signature."""
    assert await refusal(sign(payload)) == INVALID


@given(
    st.text(max_size=200)
    | st.lists(st.binary(max_size=60), min_size=3, max_size=3).map(lambda p: ".".join(map(encode, p)))
)
def test_anything_else_is_refused(token: str) -> None:
    """No text whatever makes the parser fail in any other way."""
    with pytest.raises(InvalidToken):
        check_signature(parse(token)[0], KEY)


async def test_a_new_key_is_looked_up() -> None:
    """A token signed by a key made after the start is understood once the public keys are read again."""
    keys, clock = Keys(KEY), Clock()
    verifier = make_verifier(keys, clock)
    await verifier.verify(sign(claims_of()))
    keys.keys.append(OTHER_KEY)
    clock.now += 1
    await verifier.verify(sign(claims_of(), OTHER_KEY))
    assert keys.reads == 2


async def test_unknown_keys_do_not_hammer_the_database() -> None:
    """Any number of tokens with made-up key ids cost one look-up a second."""
    keys, clock = Keys(KEY), Clock()
    verifier = make_verifier(keys, clock)
    for number in range(50):
        assert await refusal(sign(claims_of(), kid=f"made-up-{number}"), verifier) == INVALID
    assert keys.reads == 1


async def test_a_retired_key_stops_counting() -> None:
    """Tokens remembered under a key that was withdrawn are refused once the keys are read again."""
    keys, clock = Keys(KEY), Clock()
    verifier = make_verifier(keys, clock)
    token = sign(claims_of(exp=int((NOW + timedelta(days=1)).timestamp())))
    await verifier.verify(token)
    keys.keys = [OTHER_KEY]
    clock.now += 301
    assert await refusal(token, verifier) == INVALID


async def test_known_keys_outlive_a_database_outage() -> None:
    """An absent database changes nothing for keys in memory; an unknown key is then to be retried."""
    keys, clock = Keys(KEY), Clock()
    verifier = make_verifier(keys, clock)
    token = sign(claims_of(exp=int((NOW + timedelta(days=1)).timestamp())))
    await verifier.verify(token)
    keys.broken = True
    clock.now += 301
    await verifier.verify(token)
    with pytest.raises(Transient):
        await verifier.verify(sign(claims_of(), OTHER_KEY))


async def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remembered tokens never grow beyond the bound, and a forgotten one is simply verified again."""
    monkeypatch.setattr("services.runtime.auth.token_verifier.REMEMBERED_TOKENS", 3)
    assert REMEMBERED_TOKENS == 10_000
    verifier = make_verifier()
    tokens = [sign(claims_of(jti=str(number))) for number in range(5)]
    for token in [*tokens, tokens[0]]:
        await verifier.verify(token)
    assert len(verifier._known) == 3


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (None, MISSING),
        ("", MISSING),
        ("  ", MISSING),
        ("Bearer", BAD_FORMAT),
        ("Bearer opaque", BAD_FORMAT),
        ("Basic a.b.c", BAD_FORMAT),
        ("Bearer a.b", BAD_FORMAT),
        ("Bearer é.b.c", BAD_FORMAT),
    ],
)
def test_headers_without_a_token(header: str | None, message: str) -> None:
    """Each way of not sending a token has its own answer."""
    with pytest.raises(InvalidToken) as caught:
        bearer_token(header)
    assert caught.value.message == message
    assert (caught.value.status, caught.value.error_code) == (
        (400, "Bearer") if message == BAD_FORMAT else (401, None)
    )


def test_the_scheme_is_read_in_any_case() -> None:
    """`bearer`, `Bearer` and `BEARER` are one scheme (RFC 9110)."""
    assert {bearer_token(f"{scheme} a.b.c") for scheme in ("bearer", "Bearer", "BEARER")} == {"a.b.c"}


def test_the_key_set_lists_public_parts() -> None:
    """The JWKS holds each key once and no private part."""
    shown = jwks({str(KEY.kid): dict(KEY.as_dict(private=False))})
    assert [key["kid"] for key in shown["keys"]] == [KEY.kid]
    assert not {"d", "p", "q"} & shown["keys"][0].keys()
