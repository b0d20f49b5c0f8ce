"""The builder of each connection's claims, and the claim that holds the identity."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from services.demo.connections import DemoConnection
from services.demo.face import Face
from services.demo.shapes import enterprise, own, regional, social

Claims = dict[str, Any]
Shape = Callable[[Face], Claims]

SHAPES: Final[Mapping[str, Shape]] = {
    **own.SHAPES,
    **social.SHAPES,
    **regional.SHAPES,
    **enterprise.SHAPES,
}

PLAIN_IDENTITY: Final[Mapping[str, str]] = {
    "auth0": "user_id",
    "facebook": "id",
    "github": "id",
    "google-oauth2": "sub",
    "linkedin": "sub",
    "apple": "sub",
    "email": "user_id",
    "sms": "user_id",
}
"""Strategies whose `user_id` is `strategy|claim`, whatever the connection's name and settings are."""


def claims(connection: DemoConnection, face: Face) -> Claims:
    """Return exactly what the provider returns for this login."""
    return SHAPES[connection.shape](face)


def plain_user_id(connection: DemoConnection, payload: Mapping[str, Any]) -> str | None:
    """Return the profile's `user_id` if the claims alone determine it, otherwise None."""
    claim = PLAIN_IDENTITY.get(connection.strategy)
    return None if claim is None else f"{connection.strategy}|{payload[claim]}"
