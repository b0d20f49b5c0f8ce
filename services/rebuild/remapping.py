"""Logins mapped again while they are replayed, with the settings that their connections have now."""

from collections.abc import Sequence

import asyncpg

from projections.logged import Logged
from projections.normalization import ConnectionSettings
from projections.normalization.defaults import pictures_of
from projections.remapping.configurations import MappingSettings
from projections.remapping.logins import remap_login
from schemas.events import LoginSucceeded
from services.queries.login_connections import ConnectionKey, mapping_connections


class LoginRemapper:
    """Maps logins again from the claims that their events keep; those without claims stay as they are.

    Settings are read once per connection, from the live views.
    """

    def __init__(self, connection: asyncpg.Connection, public_url: str) -> None:
        """`public_url` is the URL of Vita, under which default pictures are served."""
        self._connection, self._public_url = connection, public_url
        self._known: dict[ConnectionKey, MappingSettings] = {}

    async def remapped(self, batch: Sequence[Logged]) -> list[Logged]:
        """Return the events, with the logins among them mapped again."""
        logins = [one.event for one in batch if isinstance(one.event, LoginSucceeded)]
        await self._learn([event for event in logins if event.data.claims is not None])
        return [self._remapped(one) for one in batch]

    def _remapped(self, logged: Logged) -> Logged:
        event = logged.event
        if not isinstance(event, LoginSucceeded) or event.data.claims is None:
            return logged
        settings = self._known[event.tenant, event.data.connection]
        return logged._replace(event=remap_login(event, settings).event)

    async def _learn(self, logins: Sequence[LoginSucceeded]) -> None:
        strategies = {(event.tenant, event.data.connection): event.data.strategy for event in logins}
        unknown = sorted(strategies.keys() - self._known.keys())
        if not unknown:
            return
        for place, found in (await mapping_connections(self._connection, unknown)).items():
            settings = found.settings or ConnectionSettings(place[1], strategies[place], {})
            pictures = pictures_of(found.default_picture, self._public_url)
            self._known[place] = MappingSettings(settings, pictures)
