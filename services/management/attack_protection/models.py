"""Requests and responses of attack protection and of its blocks."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from projections.login_guard.addresses import MAX_TIMES
from projections.login_guard.protection import network_of
from services.management.http.models.fields import Body, Given, QueryBoolean
from services.management.http.models.query import Query
from services.management.http.models.results import Result
from services.management.http.validation import FORMAT

MAX_ALLOWED: Final = 100
_YEAR_MS: Final = 366 * 24 * 3600 * 1000


def _network(text: str) -> str:
    try:
        network_of(text)
    except ValueError:
        raise PydanticCustomError(FORMAT, "no address", {"name": "ipv4-or-ipv6-or-cidr"}) from None
    return text


Allowlist = Annotated[list[Annotated[str, AfterValidator(_network)]], Field(max_length=MAX_ALLOWED)]
Enabled = Annotated[bool | None, Given]
Mode = Literal["count_per_identifier_and_ip", "count_per_identifier"]
BruteForceShield = Literal["block", "user_notification"]
AddressShield = Literal["block", "admin_notification"]
PasswordShield = Literal["block", "user_notification", "admin_notification"]
Frequency = Literal["immediately", "daily", "weekly", "monthly"]
_SHIELDS: Final = "Actions to take when the threshold is violated."
_ALLOWLIST: Final = "Trusted IP addresses and ranges, which are never blocked."


class BruteForceSettings(Body):
    """Brute-force protection. Absent settings remain unchanged."""

    at_least = 1

    enabled: Enabled = Field(None, description="Whether brute-force protection is active.")
    shields: Annotated[list[BruteForceShield] | None, Given] = Field(None, description=_SHIELDS)
    mode: Annotated[Mode | None, Given] = Field(
        None, description="Whether an identifier is blocked for one IP address or altogether."
    )
    allowlist: Annotated[Allowlist | None, Given] = Field(None, description=_ALLOWLIST)
    max_attempts: Annotated[Annotated[int, Field(ge=1, le=100)] | None, Given] = Field(
        None, description="Maximum number of unsuccessful attempts."
    )
    form_submission_mode: Annotated[Literal["auto", "manual"] | None, Given] = Field(
        None, description="Stored and returned; Vita shows no unblock page."
    )


class Bucket(Body):
    """Allowed attempts from one IP address."""

    max_attempts: Annotated[Annotated[int, Field(ge=1, le=MAX_TIMES)] | None, Given] = Field(
        None, description="Total number of attempts allowed."
    )
    rate: Annotated[Annotated[int, Field(ge=0, le=_YEAR_MS)] | None, Given] = Field(
        None, description="Milliseconds after which another attempt is granted."
    )


class AddressStages(Body):
    """Allowed attempts by stage."""

    pre_login: Annotated[Bucket | None, Given] = Field(None, alias="pre-login")
    pre_user_registration: Annotated[Bucket | None, Given] = Field(None, alias="pre-user-registration")
    pre_custom_token_exchange: Annotated[Bucket | None, Given] = Field(
        None,
        alias="pre-custom-token-exchange",
        description="Stored and returned; gateways report no token exchanges.",
    )


class AddressSettings(Body):
    """Suspicious IP throttling. Absent settings remain unchanged."""

    at_least = 1

    enabled: Enabled = Field(None, description="Whether suspicious IP throttling is active.")
    shields: Annotated[list[AddressShield] | None, Given] = Field(None, description=_SHIELDS)
    allowlist: Annotated[Allowlist | None, Given] = Field(None, description=_ALLOWLIST)
    stage: Annotated[AddressStages | None, Given] = Field(None, description="Attempts allowed by stage.")


class PasswordStage(Body):
    """The actions against breached passwords at one stage."""

    shields: Annotated[list[AddressShield] | None, Given] = Field(None, description=_SHIELDS)


class PasswordStages(Body):
    """The stages other than login."""

    pre_user_registration: Annotated[PasswordStage | None, Given] = Field(None, alias="pre-user-registration")
    pre_change_password: Annotated[PasswordStage | None, Given] = Field(None, alias="pre-change-password")


class PasswordSettings(Body):
    """Breached-password detection. Absent settings remain unchanged."""

    at_least = 1

    enabled: Enabled = Field(None, description="Whether breached-password detection is active.")
    shields: Annotated[list[PasswordShield] | None, Given] = Field(None, description=_SHIELDS)
    admin_notification_frequency: Annotated[list[Frequency] | None, Given] = Field(
        None, description="How often administrators are notified."
    )
    method: Annotated[Literal["standard", "enhanced"] | None, Given] = Field(
        None, description="The subscription level of the detection."
    )
    stage: Annotated[PasswordStages | None, Given] = Field(None, description="Shields by stage.")


class UserBlocks(Query):
    """Query of a user's blocks. Unknown parameters are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    consider_brute_force_enablement: QueryBoolean = Field(
        False,
        description="Return only blocks that the current settings enforce (true), or all blocks (false).",
    )


class BlocksByIdentifier(UserBlocks):
    """Query of the blocks for an identifier."""

    identifier: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        description="Any of an email address, a username or a phone number."
    )


class UnblockIdentifier(Query):
    """The identifier to unblock."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    identifier: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        description="Any of an email address, a username or a phone number."
    )


class BlockedFor(Result):
    """A blocked identifier. The block applies to the IP address `ip`, or to all if it is absent."""

    identifier: str = Field(examples=["jane@example.com"])
    ip: str = Field("", examples=["203.0.113.7"])
    connection: str = Field(examples=["Username-Password-Authentication"])


class Blocks(Result):
    """All blocks that the query found."""

    blocked_for: list[BlockedFor]
