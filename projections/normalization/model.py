"""What goes into the mapping, what comes out of it, and the one way it can refuse."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

ATTRIBUTES = (
    "name",
    "nickname",
    "given_name",
    "family_name",
    "picture",
    "email",
    "email_verified",
    "phone_number",
    "phone_verified",
    "username",
)
"""The root attributes of a profile that a login can set, in the order they are written."""

Reason = Literal[
    "no_identity", "inexact_identity", "identity_too_long", "unsafe_identity", "too_deep", "too_much"
]


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What the mapping needs to know of a connection; `options` as the Management API stores them."""

    name: str
    strategy: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Normalized:
    """A login in Vita's words.

    `idp_id` is the identity's id without the provider prefix, always text; `native_id` is the same id as
    `identities[].user_id` shows it (an integer where the provider's own id is one). `extras` are the
    leftovers, under their own names. `sources` says for each attribute where it came from: a raw claim
    (`picture.data.url`, `emails[0].value`), `identifier`, `connection:attribute_map`, `option:<name>`,
    `strategy:<name>`, or `default:<what it was made from>` for a value that nobody gave.
    """

    provider: str
    idp_id: str
    is_social: bool
    attributes: dict[str, Any]
    extras: dict[str, Any]
    sources: dict[str, str]
    native_id: str | int


class UnmappableLogin(ValueError):
    """The claims of a login do not say who logged in, or cannot be kept.

    `reason` is a stable word for counters and dead letters; `detail` helps a gateway developer and holds no
    value of any claim.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail
