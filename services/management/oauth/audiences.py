"""What tokens are for: this API, by whatever name a caller reached it, or another one by a grant."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

OURS: Final = "vita:management"
"""What a grant for this API says. Not an address: that can change, and a caller's `Host` may say anything."""
_API: Final = re.compile(r"https?://[^/?#]+/api/v2/?")


@dataclass(frozen=True, slots=True)
class Granted:
    """One grant of a client."""

    audience: str
    scopes: tuple[str, ...]


def is_ours(audience: str, own: str, host: str) -> bool:
    """Whether the audience is this API: under its own name, or under the one the caller reached it by."""
    plain = audience.rstrip("/")
    if plain == own.rstrip("/"):
        return True
    known = {f"http://{host}/api/v2", f"https://{host}/api/v2"}
    return _API.fullmatch(audience) is not None and plain in known


def scopes_for(audience: str, inborn: Iterable[str], grants: Iterable[Granted]) -> tuple[str, ...] | None:
    """What a client may ask for at an API: by its grant; at this one also what it was made with.

    None is nothing, so no token; a grant of nothing is good for a token without scopes.
    """
    fitting = [grant for grant in grants if grant.audience == audience]
    born = tuple(inborn) if audience == OURS else ()
    if not fitting and not born:
        return None
    return tuple(dict.fromkeys((*born, *(scope for grant in fitting for scope in grant.scopes))))
