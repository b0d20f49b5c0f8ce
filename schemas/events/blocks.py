"""Events that release a block of attack protection: of an identifier, or of an IP address."""

from typing import Annotated, Literal

from schemas.envelope import Envelope
from schemas.events.fields import ACTIVITY, CommandData


class LoginBlockReleasedData(CommandData):
    """The identifier in lower case, or None for all identifiers of the subject."""

    identifier: Annotated[str | None, ACTIVITY] = None


class LoginBlockReleased(Envelope):
    """The failed logins of a user, or of an anonymous subject, no longer count."""

    type: Literal["profile.login_block.released"] = "profile.login_block.released"
    dataversion: Literal[1] = 1
    data: LoginBlockReleasedData


class IpUnblockedData(CommandData):
    """The IP address. It is absent once activity data has expired."""

    ip: Annotated[str | None, ACTIVITY] = None


class IpUnblocked(Envelope):
    """Failed logins from an IP address no longer count against the address, whichever user they were for."""

    type: Literal["profile.ip.unblocked"] = "profile.ip.unblocked"
    dataversion: Literal[1] = 1
    data: IpUnblockedData
