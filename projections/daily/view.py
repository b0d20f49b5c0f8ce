"""The view of counts by day."""

from collections.abc import Sequence
from typing import Final

from projections.applied import Applied, EventView
from projections.daily.rows import days
from projections.fold_view import Write, WriteBatch, with_rows


def _writes(applied: Sequence[Applied]) -> list[WriteBatch]:
    rows = [(*day, *counts) for day, counts in days(applied).items()]
    return [with_rows(Write("projections.daily", "add_to_days", rows))]


DAILY: Final = EventView("daily", ("daily",), _writes)
