"""The view of the members of roles and organizations."""

from collections.abc import Sequence
from typing import Final

from projections.applied import Applied, EventView
from projections.fold_view import Write, WriteBatch, with_rows
from projections.membership.rows import changes

_PACKAGE: Final = "projections.membership"


def _writes(applied: Sequence[Applied]) -> list[WriteBatch]:
    found = changes(applied)
    gone = [tuple(key) for key, since in found.items() if since is None]
    there = [(*key, since) for key, since in found.items() if since is not None]
    return [
        with_rows(Write(_PACKAGE, "delete_memberships", gone), Write(_PACKAGE, "write_memberships", there))
    ]


MEMBERSHIP: Final = EventView("membership", ("membership",), _writes, is_net=True)
