"""`fold(setting, event) -> setting`. Every event contains the whole setting and its revision."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from schemas.events import (
    AttackProtectionConfigured,
    ClientGrantConfigured,
    OrganizationConfigured,
    ResourceServerConfigured,
    RoleDefined,
    RoleRemoved,
    SettingEvent,
    TenantConfigured,
    UserAttributeProfileConfigured,
)
from schemas.formats.instants import render

Kind = Literal[
    "role",
    "resource_server",
    "organization",
    "user_attribute_profile",
    "client_grant",
    "attack_protection",
    "tenant",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
KIND_OF: Final[Mapping[type[Any], Kind]] = {
    RoleDefined: "role",
    RoleRemoved: "role",
    ResourceServerConfigured: "resource_server",
    OrganizationConfigured: "organization",
    UserAttributeProfileConfigured: "user_attribute_profile",
    ClientGrantConfigured: "client_grant",
    AttackProtectionConfigured: "attack_protection",
    TenantConfigured: "tenant",
}
KIND_OF_TYPE: Final[Mapping[str, Kind]] = {
    model.model_fields["type"].default: kind for model, kind in KIND_OF.items()
}
"""The kind of setting by the event type on the wire."""


MAX_RETENTION_DAYS: Final = 36_500
RESTORE_DAYS: Final = 30
"""For how many days a deleted user can be restored where the tenant has not decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting. `document` is what the API returns, `event_id` the event that last changed it."""

    kind: Kind
    id: str
    name: str | None
    revision: int
    document: Mapping[str, Any]
    event_id: str
    created_at: str
    updated_at: str
    deleted: bool = False

    @property
    def default_picture(self) -> str | None:
        """The default picture that a tenant chose; None without a choice and for other kinds."""
        chosen = self.document.get("default_picture") if self.kind == "tenant" else None
        return chosen if isinstance(chosen, str) else None

    @property
    def log_retention_days(self) -> int | None:
        """The number of days for which a tenant keeps log entries; None without a limit and for other
        kinds."""
        chosen = self.document.get("log_retention_days") if self.kind == "tenant" else None
        return chosen if type(chosen) is int and 0 < chosen <= MAX_RETENTION_DAYS else None

    @property
    def user_restore_days(self) -> int:
        """For how many days a deleted user of the tenant can be restored."""
        chosen = self.document.get("user_restore_days") if self.kind == "tenant" else None
        return chosen if type(chosen) is int and 0 <= chosen <= MAX_RETENTION_DAYS else RESTORE_DAYS


def fold(current: Setting | None, event: SettingEvent) -> Setting | None:
    """Return the setting after the event; `current` itself if the event changes nothing.

    An event is refused if the setting is deleted or if the event expects another revision than the current
    one (0: no setting yet).
    """
    data = event.data
    if current is not None and (current.deleted or current.event_id == event.id):
        return current
    revision = 0 if current is None else current.revision
    if data.expected_revision is not None and data.expected_revision != revision:
        return current
    now = render(event.time)
    return Setting(
        kind=KIND_OF[type(event)],
        id=data.setting_id,
        name=data.name,
        revision=revision + 1,
        document={"id": data.setting_id, **data.settings},
        event_id=event.id,
        created_at=now if current is None else current.created_at,
        updated_at=now,
        deleted=data.deleted or isinstance(event, RoleRemoved),
    )
