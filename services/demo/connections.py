"""The demo tenant's connections: which provider people sign in through, and how often it is their home."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Final

from services.demo.dice import Dice


@dataclass(frozen=True, slots=True)
class Connection:
    """`shape` names the payload, `domain` is a company's mail domain, `languages` limits who comes."""

    name: str
    strategy: str
    weight: int
    shape: str
    protocol: str = "oidc-basic-profile"
    domain: str | None = None
    languages: tuple[str, ...] = ()


DATABASE: Final = Connection("Username-Password-Authentication", "auth0", 14, "auth0", "oauth2-password")
FACEBOOK: Final = Connection("facebook", "facebook", 9, "facebook")

CONNECTIONS: Final = (
    Connection("google-oauth2", "google-oauth2", 18, "google-oauth2"),
    DATABASE,
    FACEBOOK,
    Connection("github", "github", 8, "github"),
    Connection("apple", "apple", 7, "apple"),
    Connection("contoso-entra", "waad", 6, "waad", domain="contoso.example.com"),
    Connection("linkedin", "linkedin", 5, "linkedin"),
    Connection("twitter", "twitter", 4, "twitter"),
    Connection("twitter-classic", "twitter", 2, "twitter-classic"),
    Connection("windowslive", "windowslive", 5, "windowslive"),
    Connection("corp-saml", "samlp", 5, "samlp-claims", "samlp", "corp.example.com"),
    Connection("university-saml", "samlp", 3, "samlp-oids", "samlp", "uni.example.org"),
    Connection("acme-okta", "okta", 4, "okta", domain="acme.example.com"),
    Connection("partner-oidc", "oidc", 3, "oidc", domain="partner.example.net"),
    Connection("head-office-ad", "ad", 4, "ad", "wsfed", "office.example.com"),
    Connection("branch-adfs", "adfs", 3, "adfs", "wsfed", "branch.example.com"),
    Connection("workspace", "google-apps", 3, "google-apps", domain="workspace.example.com"),
    Connection("salesforce", "salesforce", 2, "salesforce", domain="crm.example.com"),
    Connection("sms", "sms", 3, "sms", "passwordless"),
    Connection("email", "email", 4, "email", "passwordless"),
    Connection("discord", "oauth2", 4, "discord"),
    Connection("yahoo", "yahoo", 2, "yahoo"),
    Connection("amazon", "amazon", 2, "amazon"),
    Connection("paypal", "paypal", 2, "paypal"),
    Connection("dropbox", "dropbox", 1, "dropbox"),
    Connection("members-club", "oauth2", 2, "members-club"),
    Connection("line", "line", 2, "line", languages=("ja", "th", "zh-TW")),
    Connection("kakao", "oauth2", 2, "kakao", languages=("ko",)),
    Connection("vkontakte", "vkontakte", 3, "vkontakte", languages=("ru", "uk", "ka", "hy")),
    Connection("yandex", "yandex", 2, "yandex", languages=("ru", "bg", "hy")),
    Connection("weibo", "weibo", 3, "weibo", languages=("zh-CN",)),
)

SECOND_HOMES: Final = tuple(one for one in CONNECTIONS if one.weight >= 7)


def home(dice: Dice, index: int) -> Connection:
    """A person's home provider: the first people take one each, so that none is ever missing."""
    if index < len(CONNECTIONS):
        return CONNECTIONS[index]
    bounds = _bounds()
    return CONNECTIONS[bisect_right(bounds, dice.number("home", bounds[-1]))]


def second(dice: Dice, first: Connection) -> Connection | None:
    """Another provider of the same person, as a separate identity; most people have none."""
    other = dice.pick("second home", SECOND_HOMES)
    return other if other is not first and dice.chance("two homes", 12) else None


@cache
def _bounds() -> tuple[int, ...]:
    return tuple(accumulate(connection.weight for connection in CONNECTIONS))
