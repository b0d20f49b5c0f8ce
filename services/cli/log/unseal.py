"""Opens sealed events with the operator's keys, for those who may read them."""

from collections.abc import Mapping
from typing import Any, Final

import asyncpg

from schemas.errors import InvalidEvent
from schemas.events import EventData
from schemas.sealing.keys import Keyring, SubjectKeys
from schemas.sealing.mapper import KeyDestroyed, SealedEvent, open_event
from services.ledger.keys.subject_keys import read_keys

_SECRETS: Final = ("password_hash", "secret_hash", "tokens")
_HIDDEN: Final = "(kept secret)"
_KEPT: Final = 10_000


class Opener:
    """Reads each owner's keys once."""

    def __init__(self, connection: asyncpg.Connection, keyring: Keyring) -> None:
        self._connection, self._keyring = connection, keyring
        self._known: dict[tuple[str, str], SubjectKeys] = {}

    async def open(self, sealed: SealedEvent) -> dict[str, Any]:
        """The envelope with its data readable, or with the reason why it is not; secrets stay out of it."""
        keys = await self._keys(sealed)
        if keys is None:
            return sealed.envelope | {"unreadable": "no keys of this subject are known"}
        try:
            return sealed.envelope | {"data": readable(open_event(sealed, keys).data)}
        except KeyDestroyed:
            return sealed.envelope | {"unreadable": "the keys of this subject are destroyed"}
        except InvalidEvent as error:
            return sealed.envelope | {"unreadable": str(error)}

    async def _keys(self, sealed: SealedEvent) -> SubjectKeys | None:
        owner = sealed.tenant, sealed.owner
        if owner not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known.update(await read_keys(self._connection, self._keyring, [owner]))
        return self._known.get(owner)


def readable(data: EventData) -> dict[str, Any]:
    """The data of an event as JSON values: nothing that was not said, and no credential."""
    shown: Mapping[str, Any] = data.model_dump(mode="json", exclude_none=True)
    return {name: _HIDDEN if name in _SECRETS else value for name, value in shown.items()}
