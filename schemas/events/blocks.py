"""What protects against attackers let go of again: an identifier of somebody, an address."""

from typing import Annotated, Literal

from schemas.envelope import Envelope
from schemas.events.fields import ACTIVITY, CommandData


class LoginBlockReleasedData(CommandData):
    """Which identifier, in lower case; None for everything of the subject."""

    identifier: Annotated[str | None, ACTIVITY] = None


class LoginBlockReleased(Envelope):
    """The failed logins of a person, or of an anonymous subject, count no more."""

    type: Literal["profile.login_block.released"] = "profile.login_block.released"
    dataversion: Literal[1] = 1
    data: LoginBlockReleasedData


class IpUnblockedData(CommandData):
    """The address; absent once activity has expired."""

    ip: Annotated[str | None, ACTIVITY] = None


class IpUnblocked(Envelope):
    """The failed logins from an address, whoever's they were, count no more against the address."""

    type: Literal["profile.ip.unblocked"] = "profile.ip.unblocked"
    dataversion: Literal[1] = 1
    data: IpUnblockedData
