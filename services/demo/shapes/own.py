"""Claims of the tenant's own connections: database, e-mail and SMS."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from services.demo.face import Face


def database(face: Face) -> dict[str, Any]:
    """A built-in user store: e-mail address or username, and the other fields of the sign-up form."""
    who: dict[str, Any] = {"user_id": face.dice.hexes("id", 24)}
    if face.email is None:
        who |= {"username": face.handle[:15].replace("-", "_"), "email": None}
    else:
        who |= {"email": face.email, "email_verified": face.dice.chance("verified", 80)}
    if face.dice.chance("filled in the form", 60):
        who |= {"given_name": face.given, "family_name": face.family, "name": face.name}
    if face.dice.chance("loyalty", 15):
        who |= {"loyalty_tier": face.dice.pick("tier", ("silver", "gold", "platinum")), "newsletter": True}
    return who


def email(face: Face) -> dict[str, Any]:
    """A code or link sent to an e-mail address verifies that address and nothing else."""
    return {"user_id": face.dice.hexes("id", 24), "email": face.email, "email_verified": True}


def sms(face: Face) -> dict[str, Any]:
    """A code sent to a phone verifies the number."""
    return {"user_id": face.dice.hexes("id", 24), "phone_number": face.phone, "phone_verified": True}


SHAPES: Final[Mapping[str, Callable[[Face], dict[str, Any]]]] = {
    "auth0": database,
    "email": email,
    "sms": sms,
}
