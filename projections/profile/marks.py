"""Which of several logins decides, in whatever order they arrive: the latest by its own time, then by its id.

A mark is the time and the id of an event as text; marks compare as the events do. `Memory.marks` keeps those
of the logins that gave what no provenance covers.
"""

from typing import Final

from schemas.envelope import Envelope
from schemas.formats.instants import render

FIRST: Final = "first"
"""The earliest login of a profile that a login created."""
ONCE: Final = "once"
"""The id of that login, where its connection writes root attributes on the first login only."""
LATEST: Final = "latest"
"""The login that `last_login` is of."""
ADDRESS: Final = "ip"
"""The login that `last_ip` is of."""
PRIMARY: Final = "primary"
"""The latest login of the primary identity: its leftovers are the profile's."""
TOKENS: Final = "tokens "
"""Prefix of an identity: the login that gave its tokens. Alone in the marks of a link."""


def mark_of(event: Envelope) -> str:
    """Return the mark of an event."""
    return f"{render(event.time)} {event.id}"
