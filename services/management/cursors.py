"""Cursors: sealed texts that say where the next page of a list begins.

The position in a list is often a person's name or email address, and proxies and access logs record the URL
that contains the cursor. Cursors are therefore sealed with a key of the installation, so that every process
can open them, also after a key rotation. A cursor is valid only for the list that it was created for. It does
not expire. Sealing is deterministic: one position in one list always has one cursor.
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
"""Suffix of every position, because an empty text cannot be sealed and the empty position is valid."""
_SAME_LIST: Final = frozenset(
    {
        "page", "per_page", "include_totals", "after", "take", "cursor", "fields", "include_fields",
        "search_engine", "primary_order", "explain",
    }
)  # fmt: skip
"""Parameters that select a part of a list or its format. All other parameters determine which list it is."""


class Cursors:
    """Seals and opens cursors."""

    def __init__(self, keyring: Keyring) -> None:
        self._key = keyring.derived("cursors")

    def seal(self, position: str, among: bytes) -> str:
        """Return the cursor for a position in the list that `list_of` identifies as `among`."""
        return _text(seal_in_place(self._key, _KEY_VERSION, position.encode() + _END, among))

    def open(self, cursor: str, among: bytes) -> str:
        """Return the position that a cursor contains. Raises CannotUnseal if `seal` did not create it for
        this list."""
        try:
            blob = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise CannotUnseal("not the text of a cursor") from None
        if _text(blob) != cursor:
            raise CannotUnseal("not the only text of this cursor")
        return unseal_in_place(self._key, blob, among).removesuffix(_END).decode()


def list_of(tenant: str, path: str, parameters: Mapping[str, str], query: BaseModel) -> bytes:
    """Return an identifier for a list: the tenant, the path with its parameters, and the filters and sort
    order of the query. It is JSON because a parameter may contain any character."""
    asked: dict[str, Any] = query.model_dump(exclude=set(_SAME_LIST), exclude_defaults=True)
    return exact_json.dumps([tenant, path, dict(parameters), asked])


def _text(blob: bytes) -> str:
    return base64.urlsafe_b64encode(blob).decode().rstrip("=")
