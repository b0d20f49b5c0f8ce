"""The rows of further identities: what they say is what the documents say, however the log is cut."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from projections.batch.fold import fold_batch
from projections.batch.views import Views
from projections.linked_identity.rows import LinkedIdentity, Subject, changes
from projections.profile.view import PROFILE
from tests.laws.events import histories, split
from tests.samples.profile_events import on_the_log


def rows_after(stream: Sequence[Any], cuts: Sequence[int]) -> dict[Subject, list[LinkedIdentity]]:
    """The table after these batches, which must be what the documents say."""
    table: dict[Subject, list[LinkedIdentity]] = {}
    views = Views()
    for batch in split(on_the_log(stream), cuts):
        outcome = fold_batch(views, batch)
        table |= changes(outcome.applied)
        views = outcome.now
    for person, profile in views.of(PROFILE).items():
        shown = (profile.document or {}).get("identities", [])[1:]
        assert [(row.provider, row.idp_id) for row in table.get(person, [])] == [
            (one["provider"], str(one["user_id"])) for one in shown
        ]
    return {person: rows for person, rows in table.items() if rows}


@given(histories(people=3, max_size=16), st.lists(st.integers(0, 20), max_size=5))
def test_any_batch_split_gives_the_same_rows(stream: list[Any], cuts: list[int]) -> None:
    """For any split into batches, the rows are each person's further identities."""
    at_once = rows_after(stream, [])
    assert rows_after(stream, cuts) == at_once
    assert rows_after(stream, range(len(stream))) == at_once
