"""Linking by an ID token of the secondary account: whose are taken, from whom, and what is said of others."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest_asyncio
from joserfc import jws

from schemas.formats import exact_json
from services.runtime.auth.issuers import ExternalIssuer
from tests.support.issuer import Issuer, rsa_key
from tests.support.stack import Stack
from tests.worlds.linking import Linked
from tests.worlds.management import Site, path_of, running_site

OURSELVES = "update:current_user_identities"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(stack: Stack, issuer: Issuer) -> AsyncIterator[Site]:
    """One installation for this file, which trusts the issuer for one tenant."""
    trusted = ExternalIssuer(
        name="corp", issuer=issuer.url, jwks_url=f"{issuer.url}jwks", audience="http://vita/", tenant="demo"
    )
    async with running_site(stack, external_issuers=(trusted,)) as running:
        yield running


def id_token(site: Site, **changes: Any) -> str:
    """An ID token of the installation's own issuer, for the client of the tests."""
    own, now = site.issuer, datetime.now(UTC)
    claims = {
        "iss": own.issuer, "sub": "github|s", "aud": "tests", "tenant": "demo",
        "iat": int(now.timestamp()), "exp": int((now + timedelta(minutes=5)).timestamp()),
    } | changes  # fmt: skip
    kept = {name: value for name, value in claims.items() if value is not ...}
    return jws.serialize_compact(own._header, exact_json.dumps(kept), own._key, ["RS256"])


async def ask(site: Site, primary: str, body: dict[str, Any], token: str | None = None) -> httpx.Response:
    """POST identities, with a token of the tests' client or another."""
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    place = f"{path_of(primary)}/identities"
    return await site.client(["update:users"]).post(place, json=body, headers=headers)


async def test_an_admin_links_by_token(site: Site) -> None:
    """The token's sub is the secondary account; the history says how it was shown."""
    world = Linked.over(site)
    await world.person("google-oauth2|t1")
    await world.person("github|t2")
    answer = await ask(site, "google-oauth2|t1", {"link_with": id_token(site, sub="github|t2")})
    assert (answer.status_code, len(answer.json())) == (201, 2)
    history = await site.client().get(f"{path_of('google-oauth2|t1')}/identities/history")
    assert [entry["means"] for entry in history.json()] == ["token"]
    again = await ask(site, "google-oauth2|t1", {"link_with": id_token(site, sub="github|t2")})
    assert (again.status_code, again.json()["message"]) == (409, "Specified identity already exists.")


async def test_people_link_their_own_accounts(site: Site, issuer: Issuer) -> None:
    """With tokens of one issuer for one client: to oneself only, by token only; and they may unlink."""
    world = Linked.over(site)
    for user_id in ("google-oauth2|u1", "github|u2", "google-oauth2|u3"):
        await world.person(user_id)
    own = issuer.token(sub="google-oauth2|u1", aud="http://vita/", azp="app", scope=OURSELVES)
    second = issuer.token(sub="github|u2", aud="app", scope=...)
    other = await ask(site, "google-oauth2|u3", {"link_with": second}, own)
    assert (other.status_code, other.json()["message"]) == (
        403,
        "User to be acted on does not match subject in bearer token.",
    )
    by_name = await ask(site, "google-oauth2|u1", {"provider": "github", "user_id": "u2"}, own)
    assert (by_name.status_code, by_name.json()["errorCode"]) == (403, "insufficient_scope")
    linked = await ask(site, "google-oauth2|u1", {"link_with": second}, own)
    assert (linked.status_code, [one["user_id"] for one in linked.json()]) == (201, ["u1", "u2"])
    place = f"{path_of('google-oauth2|u1')}/identities/github/u2"
    gone = await site.client().delete(place, headers={"authorization": f"Bearer {own}"})
    assert (gone.status_code, len(gone.json())) == (200, 1)


async def test_tokens_that_will_not_do(site: Site, issuer: Issuer) -> None:
    """Each invalid token is refused with its error and links no user."""
    world = Linked.over(site)
    await world.person("google-oauth2|w1")
    await world.person("github|s")
    past = int((datetime.now(UTC) - timedelta(hours=1)).timestamp())
    wrong = "Invalid token (link_with)."
    foreign = rsa_key("foreign")
    header, payload, signature = id_token(site).split(".")
    cases = [
        ("nonsense", wrong),
        (f"{header}.{payload}.{signature[::-1]}", wrong),
        (issuer.token(key=foreign, sub="github|s", aud="tests"), wrong),
        (id_token(site, exp=past), f"{wrong} It has expired."),
        (id_token(site, exp=...), wrong),
        (id_token(site, aud="somebody"), f"{wrong} Its aud must be the azp of the access token."),
        (id_token(site, aud=["somebody", "else"]), f"{wrong} Its aud must be the azp of the access token."),
        (id_token(site, iss="https://elsewhere/"), f"{wrong} Its issuer is not one of this tenant."),
        (id_token(site, tenant="other"), f"{wrong} Its issuer is not one of this tenant."),
        (id_token(site, tenant=...), f"{wrong} Its issuer is not one of this tenant."),
        (id_token(site, sub="no user"), f"{wrong} Its sub must name a user."),
        (id_token(site, sub=7), f"{wrong} Its sub must name a user."),
        (issuer.token(algorithm="RS512", aud="tests"), f"{wrong} It must be signed with RS256."),
        (id_token(site, sub="github|nobody"), "Provided secondary account not found."),
        (id_token(site, sub="google-oauth2|w1"), "Main identity and the new one are the same."),
    ]
    for token, message in cases:
        answer = await ask(site, "google-oauth2|w1", {"link_with": token})
        assert (answer.status_code, answer.json()["message"]) == (400, message)
    both = {"link_with": id_token(site), "provider": "github"}
    answer = await ask(site, "google-oauth2|w1", both)
    assert answer.json()["errorCode"] == "invalid_body"
    assert len((await world.get("google-oauth2|w1"))["identities"]) == 1


async def test_tokens_of_another_tenants_issuer(site: Site, issuer: Issuer) -> None:
    """What an issuer says counts for its own tenant only."""
    place = f"{path_of('auth0|x')}/identities"
    token = issuer.token(sub="github|s", aud="tests", scope=...)
    answer = await site.client(tenant="other").post(place, json={"link_with": token})
    assert answer.json()["message"] == "Invalid token (link_with). Its issuer is not one of this tenant."
