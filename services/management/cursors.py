"""Cursors: sealed texts that say where a walk through a list goes on.

A position in a list is often a name or an e-mail address, and a cursor travels in the URL of a request, which
proxies and access logs keep. So it is sealed, with a key of the installation: every process opens what
another one made, also after a wrapping key was added. It opens only in the list that it was made for, and it
does not expire. A position in a list always has one cursor.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from schemas.formats import exact_json
from schemas.sealing.blobs import CannotUnseal, seal_in_place, unseal_in_place
from schemas.sealing.keys import Keyring

_KEY_VERSION: Final = 1
_END: Final = b"."
"""Ends every position, because a position may be empty, and nothing empty can be sealed."""
_SAME_LIST: Final = frozenset(
    {
        "page", "per_page", "include_totals", "after", "take", "cursor", "fields", "include_fields",
        "search_engine", "primary_order", "explain",
    }
)  # fmt: skip
"""Parameters that say which part of a list is answered and how; every other one makes another list."""


class Cursors:
    """Makes cursors and opens them."""

    def __init__(self, keyring: Keyring) -> None:
        self._key = keyring.derived("cursors")

    def seal(self, position: str, among: bytes) -> str:
        """The cursor for a position in the list that `list_of` names so."""
        return _text(seal_in_place(self._key, _KEY_VERSION, position.encode() + _END, among))

    def open(self, cursor: str, among: bytes) -> str:
        """The position behind a cursor. Raises CannotUnseal unless `seal` made it for this list."""
        try:
            blob = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise CannotUnseal("not the text of a cursor") from None
        if _text(blob) != cursor:
            raise CannotUnseal("not the only text of this cursor")
        return unseal_in_place(self._key, blob, among).removesuffix(_END).decode()


def list_of(tenant: str, path: str, parameters: Mapping[str, str], query: BaseModel) -> bytes:
    """The name of a list: whose it is, the path of its operation with its parameters, and what a query
    narrows it down to and sorts it by. JSON, because a parameter may hold any character."""
    asked: dict[str, Any] = query.model_dump(exclude=set(_SAME_LIST), exclude_defaults=True)
    return exact_json.dumps([tenant, path, dict(parameters), asked])


def _text(blob: bytes) -> str:
    return base64.urlsafe_b64encode(blob).decode().rstrip("=")
