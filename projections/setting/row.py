"""A setting and its row."""

from collections.abc import Mapping
from typing import Any

from projections.row import Row
from projections.secret_leaves import seal_leaves
from projections.setting.fold import Kind, Setting
from schemas.formats import exact_json
from schemas.formats.instants import render
from schemas.sealing.keys import SubjectKeys

SettingKey = tuple[str, Kind, str]
"""(tenant, kind, id)"""


def setting_of(row: Row, document: Mapping[str, Any] | None = None) -> Setting:
    """Return the setting in a row, with `document` as its decrypted document; without it its secrets stay
    sealed."""
    return Setting(
        kind=row["kind"],
        id=row["id"],
        name=row["name"],
        revision=row["revision"],
        document=exact_json.loads(row["document"]) if document is None else document,
        event_id=str(row["event_id"]),
        created_at=render(row["created_at"]),
        updated_at=render(row["updated_at"]),
        deleted=row["deleted"],
    )


def setting_row(key: SettingKey, setting: Setting, keys: SubjectKeys | None) -> tuple[Any, ...]:
    """Return the columns of `write_settings`, with secrets sealed with the tenant's keys."""
    document = seal_leaves(setting.document, keys, "setting", *key)
    return (
        *key, setting.name, setting.revision, exact_json.dumps(document).decode(), setting.event_id,
        setting.created_at, setting.updated_at, setting.deleted, setting.default_picture,
        setting.log_retention_days,
    )  # fmt: skip
