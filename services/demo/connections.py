"""The demo tenant's connections, and how often each is a user's first connection."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Final

from services.demo.dice import Dice


@dataclass(frozen=True, slots=True)
class DemoConnection:
    """`shape` names the builder of its claims, `domain` is a company's mail domain, `languages` limits its
    users."""

    name: str
    strategy: str
    weight: int
    shape: str
    protocol: str = "oidc-basic-profile"
    domain: str | None = None
    languages: tuple[str, ...] = ()


DATABASE: Final = DemoConnection("Username-Password-Authentication", "auth0", 14, "auth0", "oauth2-password")
FACEBOOK: Final = DemoConnection("facebook", "facebook", 9, "facebook")

CONNECTIONS: Final = (
    DemoConnection("google-oauth2", "google-oauth2", 18, "google-oauth2"),
    DATABASE,
    FACEBOOK,
    DemoConnection("github", "github", 8, "github"),
    DemoConnection("apple", "apple", 7, "apple"),
    DemoConnection("contoso-entra", "waad", 6, "waad", domain="contoso.example.com"),
    DemoConnection("linkedin", "linkedin", 5, "linkedin"),
    DemoConnection("twitter", "twitter", 4, "twitter"),
    DemoConnection("twitter-classic", "twitter", 2, "twitter-classic"),
    DemoConnection("windowslive", "windowslive", 5, "windowslive"),
    DemoConnection("corp-saml", "samlp", 5, "samlp-claims", "samlp", "corp.example.com"),
    DemoConnection("university-saml", "samlp", 3, "samlp-oids", "samlp", "uni.example.org"),
    DemoConnection("acme-okta", "okta", 4, "okta", domain="acme.example.com"),
    DemoConnection("partner-oidc", "oidc", 3, "oidc", domain="partner.example.net"),
    DemoConnection("head-office-ad", "ad", 4, "ad", "wsfed", "office.example.com"),
    DemoConnection("branch-adfs", "adfs", 3, "adfs", "wsfed", "branch.example.com"),
    DemoConnection("workspace", "google-apps", 3, "google-apps", domain="workspace.example.com"),
    DemoConnection("salesforce", "salesforce", 2, "salesforce", domain="crm.example.com"),
    DemoConnection("sms", "sms", 3, "sms", "passwordless"),
    DemoConnection("email", "email", 4, "email", "passwordless"),
    DemoConnection("discord", "oauth2", 4, "discord"),
    DemoConnection("yahoo", "yahoo", 2, "yahoo"),
    DemoConnection("amazon", "amazon", 2, "amazon"),
    DemoConnection("paypal", "paypal", 2, "paypal"),
    DemoConnection("dropbox", "dropbox", 1, "dropbox"),
    DemoConnection("members-club", "oauth2", 2, "members-club"),
    DemoConnection("line", "line", 2, "line", languages=("ja", "th", "zh-TW")),
    DemoConnection("kakao", "oauth2", 2, "kakao", languages=("ko",)),
    DemoConnection("vkontakte", "vkontakte", 3, "vkontakte", languages=("ru", "uk", "ka", "hy")),
    DemoConnection("yandex", "yandex", 2, "yandex", languages=("ru", "bg", "hy")),
    DemoConnection("weibo", "weibo", 3, "weibo", languages=("zh-CN",)),
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
