"""The default picture that a tenant chose, of created users and of logins, and the image that Vita serves."""

from collections.abc import AsyncIterator
from hashlib import md5
from xml.etree import ElementTree

import pytest
import pytest_asyncio

from schemas.events import LoginSucceeded
from schemas.topics import Topic
from tests.support.stack import Stack
from tests.worlds.management import Site, new_user, running_site
from tests.worlds.pipeline import make_pipeline

SETTINGS = "/api/v2/tenants/settings"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(stack: Stack) -> AsyncIterator[Site]:
    """One installation for this file."""
    async with running_site(stack, view_wait_seconds=20) as running:
        yield running


def gravatar(address: str) -> str:
    return f"https://s.gravatar.com/avatar/{md5(address.encode(), usedforsecurity=False).hexdigest()}"


async def pictures(site: Site, word: str) -> list[str | None]:
    """The pictures of a user who is created now and of a user who logs in now, both without a picture of
    their own."""
    address = f"{word}@example.com"
    created = await site.client().post("/api/v2/users", json=new_user(email=address))
    assert created.status_code == 201, created.text
    pipeline = await make_pipeline(site.stack, (site.database, site.prefix))
    before = len(await pipeline.logged(Topic.LOGINS_RAW))
    claims = {"sub": word, "email": address}
    await pipeline.send_raw(
        pipeline.login(id=word, data={"connection": "o", "strategy": "oidc", "claims": claims})
    )
    await pipeline.normalize({0: before})
    (event,) = [
        one
        for one in await pipeline.events()
        if isinstance(one, LoginSucceeded) and one.data.attributes["email"] == address
    ]
    return [created.json().get("picture"), event.data.attributes.get("picture")]


async def test_a_tenant_chooses_its_default_pictures(site: Site) -> None:
    """Gravatar without a choice; then what was chosen counts for the next created user and the next login,
    and null takes the choice away. Another tenant keeps its own."""
    api = site.client()
    assert (await api.get(SETTINGS)).json()["default_picture"] is None
    found = await pictures(site, "first")
    assert [one and one.partition("?")[0] for one in found] == [gravatar("first@example.com")] * 2
    for wrong in ("identicon", "", 1, ["none"]):
        assert (await api.patch(SETTINGS, json={"default_picture": wrong})).status_code == 400
    for choice, word, picture in (
        ("initials", "62d589", "http://127.0.0.1:8080/avatars/62.svg"),
        ("none", "third", None),
    ):
        changed = await api.patch(SETTINGS, json={"default_picture": choice, "support_email": "a@b.co"})
        assert (changed.status_code, changed.json()["default_picture"]) == (200, choice)
        assert await pictures(site, word) == [picture, picture]
    other = await site.client(tenant="other").post("/api/v2/users", json=new_user(email="o@example.com"))
    assert other.json()["picture"].startswith(gravatar("o@example.com"))
    for given in ("gravatar", None):
        assert (await api.patch(SETTINGS, json={"default_picture": given})).status_code == 200
        word = f"again-{given}".lower()
        found = await pictures(site, word)
        assert [one and one.partition("?")[0] for one in found] == [gravatar(f"{word}@example.com")] * 2


@pytest.mark.parametrize(
    ("path", "shown"), [("62", "62"), ("%C3%A9d", "ÉD"), ("%E5%B1%B1", "山"), ("%D7%A9%D7%9E", "שמ")]
)
async def test_the_image_is_served_to_anybody(site: Site, path: str, shown: str) -> None:
    """Without a token, as an SVG that a browser may keep and that may load nothing."""
    answer = await site.client().get(f"/avatars/{path}.svg", headers={"authorization": ""})
    assert answer.status_code == 200
    assert "".join(ElementTree.fromstring(answer.text).itertext()) == shown  # noqa: S314
    headers = answer.headers
    assert headers["content-type"].startswith("image/svg+xml")
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert "max-age=31536000" in headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "%3C",
        "%3Cscript%3E",
        "%F0%9F%98%80",
        "%E2%80%AEa",
        "abc",
        "",
        "%FF",
        "%00",
        "a%2F",
        "%26%23",
        "e%CC%81",
    ],
)
async def test_hostile_initials_are_not_found(site: Site, path: str) -> None:
    """Markup, emoji, direction marks, controls and broken UTF-8 are a 404 in the documented shape."""
    answer = await site.client().get(f"/avatars/{path}.svg")
    assert (answer.status_code, answer.json()["statusCode"]) == (404, 404)
