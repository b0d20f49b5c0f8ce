"""The view of log entries."""

from collections.abc import Sequence
from typing import Final

from projections.applied import Applied, EventView
from projections.fold_view import Write, WriteBatch, with_rows
from projections.log_entry.entries import entries


def _writes(applied: Sequence[Applied]) -> list[WriteBatch]:
    rows = [entry for one in applied for entry in entries(one)]
    return [with_rows(Write("projections.log_entry", "write_log_entries", rows))]


LOG_ENTRY: Final = EventView("log_entry", ("log_entry",), _writes)
