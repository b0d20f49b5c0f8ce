"""The view of settings, which are all kinds of configuration without their own table."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from projections.fold_view import (
    Change,
    DecidingView,
    Keys,
    Owner,
    Verdict,
    Write,
    WriteBatch,
    tenant_keys,
    with_rows,
)
from projections.row import Row
from projections.setting.fold import KIND_OF, KIND_OF_TYPE, Setting, fold
from projections.setting.row import SettingKey, setting_of, setting_row
from schemas.events import SettingEvent


class SettingView(DecidingView[SettingKey, Setting | None]):
    """Settings by (tenant, kind, id), with their secrets sealed."""

    name = "setting"
    tables = ("setting",)
    read = "read_settings"
    absent = None

    def decides(self, event_type: str, is_person: bool) -> bool:
        """Return whether the event configures a setting."""
        return event_type in KIND_OF_TYPE

    def key(self, event: SettingEvent) -> SettingKey:
        """Return the setting."""
        return event.tenant, KIND_OF[type(event)], event.data.setting_id

    def fold(self, state: Setting | None, event: SettingEvent) -> Setting | None:
        """Return the setting after the event."""
        return fold(state, event)

    def verdict(self, before: Setting | None, after: Setting | None, event: SettingEvent) -> Verdict:
        """Return whether the event counts; the event of the current state is a duplicate."""
        if before is not None and before.event_id == event.id:
            return "duplicate"
        return "refused" if after is before else "counts"

    def owner(self, event: Any) -> Owner:
        """Return the setting, which reserves its own name."""
        return event.tenant, event.data.setting_id

    def released(
        self, before: Setting | None, after: Setting | None, event: SettingEvent
    ) -> Collection[tuple[Owner, str]]:
        """Return the setting if it was deleted or renamed."""
        renamed = before is not None and before.name != event.data.name
        gone = after is not None and after.deleted
        return [(self.owner(event), KIND_OF[type(event)])] if renamed or gone else []

    def states(self, rows: Iterable[Row], keys: Keys) -> dict[SettingKey, Setting | None]:
        """Return the existing settings."""
        return {(row["tenant"], row["kind"], row["id"]): setting_of(row) for row in rows}

    def writes(self, changes: Mapping[SettingKey, Change[Setting | None]], keys: Keys) -> WriteBatch:
        """Return the statement that writes changed settings."""
        rows = [
            setting_row(key, change.after, tenant_keys(keys, key[0]))
            for key, change in changes.items()
            if change.after is not None
        ]
        return with_rows(Write("projections.setting", "write_settings", rows))


SETTING: Final = SettingView()
