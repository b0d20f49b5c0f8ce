"""The view of the number of users of a tenant."""

from collections.abc import Sequence
from typing import Final

from projections.applied import Applied, EventView
from projections.fold_view import Write, WriteBatch, with_rows
from projections.population.rows import differences


def _writes(applied: Sequence[Applied]) -> list[WriteBatch]:
    rows = [(*key, more) for key, more in differences(applied).items()]
    return [with_rows(Write("projections.population", "add_to_population", rows))]


POPULATION: Final = EventView("population", ("population",), _writes, is_net=True)
