"""A fixed user, the same for every seed: five logins with a changed name, a new picture and a failure."""

from collections.abc import Iterator
from typing import Any, Final

from services.demo.connections import FACEBOOK, DemoConnection
from services.demo.shapes.catalogue import Claims

CONNECTION: Final[DemoConnection] = FACEBOOK
FACEBOOK_ID: Final = "10158923847120563"
USER_ID: Final = f"facebook|{FACEBOOK_ID}"
EMAIL: Final = "zoe.lindqvist@example.com"
SOURCE: Final = "/gateways/demo/golden"
SUCCESSES: Final = 4

_PICTURE: Final = "https://platform-lookaside.fbsbx.example/zoe-{version}.jpg?height=200&width=200"
_HOUR: Final = 3_600_000
_AGES_MS: Final = (21 * 24 * _HOUR, 13 * 24 * _HOUR, 12 * 24 * _HOUR, 5 * 24 * _HOUR, 30_000)


def claims(family: str, version: int) -> Claims:
    """Return Facebook's claims for her with a family name and the given version of her picture."""
    return {
        "id": FACEBOOK_ID,
        "name": f"Zoë {family}",
        "first_name": "Zoë",
        "last_name": family,
        "email": EMAIL,
        "picture": {
            "data": {
                "height": 200,
                "width": 200,
                "is_silhouette": False,
                "url": _PICTURE.format(version=version),
            }
        },
        "gender": "female",
        "age_range": {"min": 21},
    }


def last_claims() -> Claims:
    """Return Facebook's claims at her last login."""
    return claims("Lindqvist-Πετρίδη", 2)


def logins(now_ms: int) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield her logins as (time in milliseconds, event id, data), oldest first; the last is the newest of
    all."""
    seen = (claims("Lindqvist", 1), claims("Lindqvist", 1), None, last_claims(), last_claims())
    for number, (age, claims_shown) in enumerate(zip(_AGES_MS, seen, strict=True)):
        yield now_ms - age, f"golden-{number}", _data(number, claims_shown)


def _data(number: int, claims_shown: Claims | None) -> dict[str, Any]:
    data: dict[str, Any] = {
        "connection": CONNECTION.name,
        "strategy": CONNECTION.strategy,
        "outcome": "success" if claims_shown else "failure",
        "claims": claims_shown or claims("Lindqvist", 1),
        "identifier": EMAIL,
        "client_id": "web-shop",
        "ip": f"203.0.113.{10 + number}",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "session_id": f"golden-session-{number}",
        "protocol": CONNECTION.protocol,
    }
    return data if claims_shown else data | {"reason": "mfa_failed"}
