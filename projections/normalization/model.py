"""Input and output of the mapping, and the error with which it refuses a login."""

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
"""The root attributes of a profile that a login can set, in the order in which they are written."""

Reason = Literal[
    "no_identity", "inexact_identity", "identity_too_long", "unsafe_identity", "too_deep", "too_much"
]


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """The settings of a connection that the mapping uses; `options` are as the Management API stores them."""

    name: str
    strategy: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalized:
    """A normalized login.

    `idp_id` is the identity's id without the provider prefix, always text. `native_id` is the same id as
    `identities[].user_id` shows it (an integer if the provider's own id is one). `extras` are the
    leftovers under their own names. `sources` names the origin of each attribute: a raw claim
    (`picture.data.url`, `emails[0].value`), `identifier`, `connection:attribute_map`, `option:<name>`,
    `strategy:<name>`, or `default:<what it was made from>`.
    """

    provider: str
    idp_id: str
    is_social: bool
    attributes: dict[str, Any]
    extras: dict[str, Any]
    sources: dict[str, str]
    native_id: str | int


class UnmappableLogin(ValueError):
    """The claims of a login do not identify a user, or cannot be stored.

    `reason` is a stable code for counters and dead letters. `detail` helps a gateway's developer and
    contains no value of a claim.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail
