"""Decides which of several logins determines a value, regardless of their order of arrival: the latest by its
own time, then by its id.

A mark is the time and the id of an event as text; marks sort like the events. `Memory.marks` has the marks of
logins that determined values without provenance.
"""

from typing import Final

from schemas.envelope import Envelope
from schemas.formats.instants import render

FIRST: Final = "first"
"""The earliest login of a profile that was created by a login."""
ONCE: Final = "once"
"""The id of the earliest login, if its connection writes root attributes on the first login only."""
LATEST: Final = "latest"
"""The login that determined `last_login`."""
ADDRESS: Final = "ip"
"""The login that determined `last_ip`."""
PRIMARY: Final = "primary"
"""The latest login of the primary identity, whose leftovers the profile has."""
TOKENS: Final = "tokens "
"""Prefix of an identity: the login that provided its tokens. Without an identity, in the marks of a link."""


def mark_of(event: Envelope) -> str:
    """Return the mark of an event."""
    return f"{render(event.time)} {event.id}"
