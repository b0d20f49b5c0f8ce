"""User agents in the form of log entries: `Chrome 120.0.0 / Windows 10.0.0`."""

from functools import lru_cache
from typing import Any, Final, NamedTuple

import ua_parser

MAX_READ: Final = 512
"""Maximum number of characters to parse; user agents are untrusted and can be long."""
_MOBILE: Final = frozenset(
    ("iOS", "Android", "Windows Phone", "BlackBerry OS", "KaiOS", "Tizen", "HarmonyOS")
)


class UserAgent(NamedTuple):
    """The text of a user agent, and whether it is a mobile device."""

    text: str
    is_mobile: bool


UNKNOWN: Final = UserAgent("Other 0.0.0 / Other 0.0.0", False)


@lru_cache(maxsize=16_384)
def shown(raw: str) -> UserAgent:
    """Parse a user agent. The first call for a text takes milliseconds, so call it outside of the event
    loop."""
    text = raw[:MAX_READ]
    browser, system = ua_parser.parse_user_agent(text), ua_parser.parse_os(text)
    is_mobile = system is not None and system.family in _MOBILE
    return UserAgent(f"{_version(browser)} / {_version(system)}", is_mobile)


def _version(found: Any) -> str:
    if found is None:
        return "Other 0.0.0"
    numbers = ".".join(
        part if part and part.isdecimal() else "0" for part in (found.major, found.minor, found.patch)
    )
    return f"{found.family} {numbers}"
