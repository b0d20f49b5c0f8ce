"""The settings on which the mapping of a tenant's logins depends, as the log tells them over time."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from projections.connection.fold import Connections, ConnectionState
from projections.connection.view import CONNECTION
from projections.logged import Logged
from projections.normalization import ConnectionSettings
from projections.normalization.attribute_profiles import profile_of, with_profile
from projections.normalization.defaults import Pictures, pictures_of
from projections.setting.fold import Setting
from projections.setting.fold import fold as fold_setting
from schemas.events import ConnectionConfigured, TenantConfigured, UserAttributeProfileConfigured

MAPPING_OPTIONS: Final = frozenset(
    (
        "attribute_map",
        "fieldsMap",
        "map_user_id_to_id",
        "non_persistent_attrs",
        "should_trust_email_verified_connection",
        "user_attribute_profile_id",
        "user_id_attribute",
        "userid_attribute",
    )
)
"""The options of a connection that the mapping of a login reads."""


class MappingSettings(NamedTuple):
    """What the mapping of a login takes besides its claims: the connection, with its user attribute profile
    merged in, and the tenant's default pictures."""

    connection: ConnectionSettings
    pictures: Pictures


@dataclass(frozen=True, slots=True)
class _Moment:
    connections: Connections
    profiles: Mapping[str, Setting]
    settings: Setting | None


class Configurations:
    """The configuration of one tenant over time."""

    def __init__(self, public_url: str) -> None:
        """`public_url` is the URL of Vita, under which default pictures are served."""
        self._public_url = public_url
        self._moments = [_Moment(CONNECTION.absent, {}, None)]
        self._since: list[datetime] = []

    def take(self, logged: Logged) -> None:
        """Take the tenant's next event in the order of the log; those that configure nothing here are
        ignored."""
        last, event = self._moments[-1], logged.event
        match event:
            case ConnectionConfigured():
                after = replace(last, connections=CONNECTION.fold(last.connections, event))
            case UserAttributeProfileConfigured():
                profile = fold_setting(last.profiles.get(event.data.setting_id), event)
                kept = {} if profile is None else {profile.id: profile}
                after = replace(last, profiles={**last.profiles, **kept})
            case TenantConfigured():
                after = replace(last, settings=fold_setting(last.settings, event))
            case _:
                return
        self._moments.append(after)
        self._since.append(logged.recorded_at)

    def names(self) -> list[str]:
        """Return the names of the connections that exist now, sorted."""
        found = self._moments[-1].connections.values()
        return sorted(one.name for one in found if not one.deleted)

    def of(
        self,
        name: str,
        strategy: str,
        at: datetime | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> MappingSettings:
        """Return the settings of a connection as they were recorded at a time, or are now.

        A connection that is not configured then has this strategy and no options. `changes` are options that
        replace those of the connection; None takes one away.
        """
        moment = self._moments[-1 if at is None else bisect_right(self._since, at)]
        found = _named(moment.connections, name)
        options = {} if found is None else dict(found.document.get("options") or {})
        options.update(changes or {})
        options = {key: value for key, value in options.items() if changes is None or value is not None}
        connection = ConnectionSettings(name, strategy if found is None else found.strategy, options)
        profile = moment.profiles.get(profile_of(options) or "")
        if profile is not None and not profile.deleted:
            connection = with_profile(connection, profile.document)
        choice = None if moment.settings is None else moment.settings.default_picture
        return MappingSettings(connection, pictures_of(choice, self._public_url))


def _named(connections: Connections, name: str) -> ConnectionState | None:
    named = [one for one in connections.values() if one.name == name]
    return min(named, key=lambda one: one.deleted, default=None)
