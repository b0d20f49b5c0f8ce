"""Laws of quarantined logins: each is either reported once or counted."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from projections.batch.fold import fold_batch
from projections.batch.views import Views
from projections.log_entry.entries import entries
from projections.profile.state import dump_memory, load_memory
from projections.quarantined_login.view import QUARANTINED_LOGIN
from schemas.events import LoginQuarantined
from services.ledger.quarantine_notices import Notice
from services.normalizer.quarantine import count_letter
from tests.laws.any_event import quarantined_logins
from tests.samples.profile_events import on_the_log

MINUTES = st.lists(st.integers(0, 8), max_size=60)


@given(st.lists(quarantined_logins(), max_size=20), st.integers(0, 20))
def test_a_repeated_event_is_reported_once(events: Sequence[LoginQuarantined], cut: int) -> None:
    """However the log is cut, and though what is remembered goes through the table: the first of each."""
    log, views, reported = on_the_log(events), Views(), []
    for batch in (log[:cut], log[cut:]):
        outcome = fold_batch(views, batch)
        changes = outcome.changes(QUARANTINED_LOGIN)
        read = {tenant: load_memory(dump_memory(memory)) for tenant, (_, memory) in changes.items()}
        views.take(Views({QUARANTINED_LOGIN: read}))
        reported += [applied.event for applied in outcome.applied for _ in entries(applied)]
    assert [event.id for event in reported] == list(dict.fromkeys(event.id for event in events))


@given(MINUTES)
def test_each_dead_letter_is_reported_or_counted(minutes: Sequence[int]) -> None:
    """The reported letters and the counted ones are all letters; no minute is reported twice."""
    reported, bearing = Notice(), []
    for minute in minutes:
        reported, earlier = count_letter(reported, minute)
        if earlier is not None:
            bearing.append((minute, earlier))
    assert len(bearing) + sum(earlier for _, earlier in bearing) + reported.unreported == len(minutes)
    first = [minute for minute, _ in bearing]
    assert first == sorted(set(first))
    assert not minutes or first[0] == minutes[0]
