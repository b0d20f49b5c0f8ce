"""What a setting says of a tenant."""

from typing import Any

import pytest

from projections.setting.fold import MAX_RETENTION_DAYS, Kind, Setting


def setting(kind: Kind, **document: Any) -> Setting:
    return Setting(
        kind=kind,
        id="id",
        name=None,
        revision=1,
        document=document,
        event_id="e",
        created_at="2026",
        updated_at="2026",
    )


@pytest.mark.parametrize(
    ("days", "kept"),
    [
        (1, 1),
        (30, 30),
        (MAX_RETENTION_DAYS, MAX_RETENTION_DAYS),
        (0, None),
        (-1, None),
        (MAX_RETENTION_DAYS + 1, None),
        (True, None),
        ("30", None),
        (1.0, None),
        (None, None),
    ],
)
def test_log_entries_are_kept_for_whole_days(days: Any, kept: int | None) -> None:
    """Anything but a number of days within a hundred years means for ever."""
    assert setting("tenant", log_retention_days=days).log_retention_days == kept


def test_only_a_tenant_chooses() -> None:
    """A setting of another kind that happens to have the key decides nothing."""
    role = setting("role", log_retention_days=30, default_picture="initials")
    assert (role.log_retention_days, role.default_picture) == (None, None)
    assert setting("tenant", default_picture="initials").default_picture == "initials"
    assert setting("tenant", default_picture=3).default_picture is None
    assert setting("tenant").log_retention_days is None
