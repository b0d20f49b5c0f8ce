"""Roles as JSON."""

from typing import Any

from projections.setting.fold import Setting


def present_role(setting: Setting) -> dict[str, Any]:
    """Return a role as JSON."""
    description = setting.document.get("description")
    return {
        "id": setting.id,
        "name": setting.document["name"],
        "description": description or "",
        "type": setting.document.get("type", "tenant"),
    }
