"""The demo tenant's connections, and how often each is a user's first connection."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Final

from services.demo.dice import Dice


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoConnection:
    """A connection of the demo. `shape` names the builder of its claims, `domain` is a company's mail domain,
    `languages` limits its users."""

    name: str
    strategy: str
    weight: int
    shape: str
    protocol: str = "oidc-basic-profile"
    domain: str | None = None
    languages: tuple[str, ...] = ()


DATABASE: Final = DemoConnection(
    name="Username-Password-Authentication",
    strategy="auth0",
    weight=14,
    shape="auth0",
    protocol="oauth2-password",
)
FACEBOOK: Final = DemoConnection(name="facebook", strategy="facebook", weight=9, shape="facebook")

CONNECTIONS: Final = (
    DemoConnection(name="google-oauth2", strategy="google-oauth2", weight=18, shape="google-oauth2"),
    DATABASE,
    FACEBOOK,
    DemoConnection(name="github", strategy="github", weight=8, shape="github"),
    DemoConnection(name="apple", strategy="apple", weight=7, shape="apple"),
    DemoConnection(
        name="contoso-entra", strategy="waad", weight=6, shape="waad", domain="contoso.example.com"
    ),
    DemoConnection(name="linkedin", strategy="linkedin", weight=5, shape="linkedin"),
    DemoConnection(name="twitter", strategy="twitter", weight=4, shape="twitter"),
    DemoConnection(name="twitter-classic", strategy="twitter", weight=2, shape="twitter-classic"),
    DemoConnection(name="windowslive", strategy="windowslive", weight=5, shape="windowslive"),
    DemoConnection(
        name="corp-saml",
        strategy="samlp",
        weight=5,
        shape="samlp-claims",
        protocol="samlp",
        domain="corp.example.com",
    ),
    DemoConnection(
        name="university-saml",
        strategy="samlp",
        weight=3,
        shape="samlp-oids",
        protocol="samlp",
        domain="uni.example.org",
    ),
    DemoConnection(name="acme-okta", strategy="okta", weight=4, shape="okta", domain="acme.example.com"),
    DemoConnection(
        name="partner-oidc", strategy="oidc", weight=3, shape="oidc", domain="partner.example.net"
    ),
    DemoConnection(
        name="head-office-ad",
        strategy="ad",
        weight=4,
        shape="ad",
        protocol="wsfed",
        domain="office.example.com",
    ),
    DemoConnection(
        name="branch-adfs",
        strategy="adfs",
        weight=3,
        shape="adfs",
        protocol="wsfed",
        domain="branch.example.com",
    ),
    DemoConnection(
        name="workspace",
        strategy="google-apps",
        weight=3,
        shape="google-apps",
        domain="workspace.example.com",
    ),
    DemoConnection(
        name="salesforce", strategy="salesforce", weight=2, shape="salesforce", domain="crm.example.com"
    ),
    DemoConnection(name="sms", strategy="sms", weight=3, shape="sms", protocol="passwordless"),
    DemoConnection(name="email", strategy="email", weight=4, shape="email", protocol="passwordless"),
    DemoConnection(name="discord", strategy="oauth2", weight=4, shape="discord"),
    DemoConnection(name="yahoo", strategy="yahoo", weight=2, shape="yahoo"),
    DemoConnection(name="amazon", strategy="amazon", weight=2, shape="amazon"),
    DemoConnection(name="paypal", strategy="paypal", weight=2, shape="paypal"),
    DemoConnection(name="dropbox", strategy="dropbox", weight=1, shape="dropbox"),
    DemoConnection(name="members-club", strategy="oauth2", weight=2, shape="members-club"),
    DemoConnection(name="line", strategy="line", weight=2, shape="line", languages=("ja", "th", "zh-TW")),
    DemoConnection(name="kakao", strategy="oauth2", weight=2, shape="kakao", languages=("ko",)),
    DemoConnection(
        name="vkontakte",
        strategy="vkontakte",
        weight=3,
        shape="vkontakte",
        languages=("ru", "uk", "ka", "hy"),
    ),
    DemoConnection(name="yandex", strategy="yandex", weight=2, shape="yandex", languages=("ru", "bg", "hy")),
    DemoConnection(name="weibo", strategy="weibo", weight=3, shape="weibo", languages=("zh-CN",)),
)

SECOND_HOMES: Final = tuple(one for one in CONNECTIONS if one.weight >= 7)


def first_connection(dice: Dice, index: int) -> DemoConnection:
    """Return a user's first connection. The first users get one each, so that every connection has a user."""
    if index < len(CONNECTIONS):
        return CONNECTIONS[index]
    bounds = _bounds()
    return CONNECTIONS[bisect_right(bounds, dice.number("home", bounds[-1]))]


def second_connection(dice: Dice, first: DemoConnection) -> DemoConnection | None:
    """Return another connection of the same user, with a separate identity; most users have none."""
    other = dice.pick("second home", SECOND_HOMES)
    return other if other is not first and dice.chance("two homes", 12) else None


@cache
def _bounds() -> tuple[int, ...]:
    return tuple(accumulate(connection.weight for connection in CONNECTIONS))
