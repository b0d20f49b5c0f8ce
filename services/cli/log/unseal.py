"""Unseals events with the operator's keys."""

from collections.abc import Mapping
from typing import Any, Final

from schemas.errors import InvalidEvent
from schemas.events import EventData
from schemas.sealing.keys import Keyring, SubjectKeys
from schemas.sealing.mapper import KeyDestroyed, SealedEvent, open_event
from services.ledger.keys.subject_keys import read_keys
from services.runtime.postgres.pool import DatabaseConnection

_SECRETS: Final = ("password_hash", "secret_hash", "tokens")
_HIDDEN: Final = "(kept secret)"
_KEPT: Final = 10_000


class EventUnsealer:
    """Unseals events; reads each subject's keys from the ledger once."""

    def __init__(self, connection: DatabaseConnection, keyring: Keyring) -> None:
        self._connection, self._keyring = connection, keyring
        self._known: dict[tuple[str, str], SubjectKeys] = {}

    async def open(self, sealed: SealedEvent) -> dict[str, Any]:
        """Return the envelope with its data readable and without secrets.

        If the event cannot be unsealed, its data stays sealed and the member `unreadable` gives the reason.
        """
        keys = await self._keys(sealed)
        if keys is None:
            return sealed.envelope | {"unreadable": "the keys of this subject are not known"}
        try:
            return sealed.envelope | {"data": readable(open_event(sealed, keys).data)}
        except KeyDestroyed:
            return sealed.envelope | {"unreadable": "the keys of this subject have been destroyed"}
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
    """Return an event's data as JSON values, without absent members and with credentials masked."""
    values: Mapping[str, Any] = data.model_dump(mode="json", exclude_none=True)
    return {name: _HIDDEN if name in _SECRETS else value for name, value in values.items()}
