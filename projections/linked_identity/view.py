"""The view of linked identities: the person of each identity besides the first one."""

from collections.abc import Sequence
from typing import Final

from projections.applied import Applied, EventView
from projections.fold_view import Write, WriteBatch, with_rows
from projections.linked_identity.rows import changes

_PACKAGE: Final = "projections.linked_identity"


def _writes(applied: Sequence[Applied]) -> list[WriteBatch]:
    """Return the statements that delete a person's rows and then write the current ones."""
    found = changes(applied)
    rows = [(*person, *row) for person, linked in found.items() for row in linked]
    return [
        with_rows(Write(_PACKAGE, "delete_linked", list(found))),
        with_rows(Write(_PACKAGE, "write_linked", rows)),
    ]


LINKED_IDENTITY: Final = EventView("linked_identity", ("linked_identity",), _writes, is_net=True)
