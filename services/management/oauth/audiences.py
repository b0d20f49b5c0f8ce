"""Audiences of tokens: the Management API under any of its URLs, or another API for which the client has a
grant."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

OURS: Final = "vita:management"
"""The audience of stored grants for the Management API. It is not a URL, because the URL can change and the
caller's `Host` header is not trusted."""
_API: Final = re.compile(r"https?://[^/?#]+/api/v2/?")


@dataclass(frozen=True, slots=True)
class Granted:
    """One grant of a client."""

    audience: str
    scopes: tuple[str, ...]


def is_ours(audience: str, own: str, host: str) -> bool:
    """Whether the audience is the Management API: its configured audience `own`, or its URL at the `Host` of
    the request."""
    plain = audience.rstrip("/")
    if plain == own.rstrip("/"):
        return True
    known = {f"http://{host}/api/v2", f"https://{host}/api/v2"}
    return _API.fullmatch(audience) is not None and plain in known


def scopes_for(audience: str, inborn: Iterable[str], grants: Iterable[Granted]) -> tuple[str, ...] | None:
    """Return the scopes that a client may request at an API: those of its grants and, at the Management API,
    those that it was created with (`inborn`).

    None means that the client gets no token for the API. With an empty tuple it gets a token without scopes.
    """
    fitting = [grant for grant in grants if grant.audience == audience]
    born = tuple(inborn) if audience == OURS else ()
    if not fitting and not born:
        return None
    return tuple(dict.fromkeys((*born, *(scope for grant in fitting for scope in grant.scopes))))
