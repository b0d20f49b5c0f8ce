"""The view of sessions, refresh tokens, grants and device credentials."""

from collections.abc import Sequence
from typing import Final

from projections.applied import Applied, EventView
from projections.fold_view import Write, WriteBatch
from projections.session.writes import session_writes


def _writes(applied: Sequence[Applied]) -> list[WriteBatch]:
    return [
        [Write("projections.session", query, rows) for query, rows in stage]
        for stage in session_writes(applied)
    ]


SESSION: Final = EventView(
    "session", ("session", "refresh_token", "user_grant", "device_credential"), _writes
)
