"""The laws of a tenant's connections: replays, splits, refusals, and names that logins may not take over."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from projections.batch.effects import Effects
from projections.batch.fold import fold_batch
from projections.batch.views import Views
from projections.connection.fold import Connections, fold
from projections.connection.view import CONNECTION, changed
from schemas.events import ConnectionConfigured
from tests.laws.events import TENANT, connections, event_id, split
from tests.samples.profile_events import on_the_log

Stream = list[ConnectionConfigured]


def folded(stream: Sequence[ConnectionConfigured]) -> Connections:
    return reduce(fold, stream, {})


def by_hand(stream: Stream) -> Stream:
    return [event for event in stream if not event.actor.startswith("system:")]


@given(connections())
def test_a_replay_changes_nothing(stream: Stream) -> None:
    """Each event seen a second time, at once, leaves the very same connections."""
    known: Connections = {}
    for event in stream:
        known = fold(known, event)
        assert fold(known, event) is known


@given(connections(), st.lists(st.integers(0, 9), max_size=3))
def test_any_batch_split_gives_the_same_connections(stream: Stream, cuts: list[int]) -> None:
    """The rows do not depend on the split into batches, with rows written and read in between."""
    rows: dict[str, Any] = {}
    for batch in split(stream, cuts):
        outcome = fold_batch(Views({CONNECTION: {TENANT: dict(rows)}}), on_the_log(batch))
        for change in outcome.changes(CONNECTION).values():
            rows.update({connection.id: connection for connection in changed(change)})
    assert rows == folded(stream)


@given(connections())
def test_a_login_never_takes_over(stream: Stream) -> None:
    """Registrations by logins change nothing about what an admin made, and bring nothing deleted back."""
    known: Connections = {}
    for event in stream:
        after = fold(known, event)
        if event.actor.startswith("system:"):
            assert known.items() <= after.items()
            assert len(after) <= len(known) + 1
        known = after


@given(connections())
def test_registering_again_is_the_same(stream: Stream) -> None:
    """A registration that was taken changes nothing when it is emitted again, however much later."""
    known: Connections = {}
    taken = []
    for event in stream:
        after = fold(known, event)
        if after is not known and event not in by_hand(stream):
            taken.append(event)
        known = after
    assert reduce(fold, taken, known) is known


@given(connections(), st.integers(-2, 2).filter(bool))
def test_a_change_to_an_old_revision_is_refused(stream: Stream, off: int) -> None:
    """A change that expects another revision leaves everything as it was; the current one is taken."""
    known = folded(stream)
    living = [connection for connection in known.values() if not connection.deleted]
    assume(living)
    current = living[0]
    change = next(event for event in reversed(stream) if event.data.connection_id == current.id)

    def edit(expected: int) -> ConnectionConfigured:
        data = change.data.model_copy(update={"expected_revision": expected})
        return change.model_copy(update={"id": event_id(500), "data": data, "actor": "client:admin"})

    assert fold(known, edit(current.revision + off)) is known
    assert fold(known, edit(current.revision))[current.id].revision == current.revision + 1


@given(connections())
def test_what_is_deleted_stays_deleted(stream: Stream) -> None:
    """No later event brings a deleted connection back; a new one has its own id."""
    known: Connections = {}
    for event in stream:
        after = fold(known, event)
        for identity, connection in known.items():
            assert not connection.deleted or after[identity] is connection
        known = after


@given(connections())
def test_reservations_follow_the_fold(stream: Stream) -> None:
    """The reservation of a change that counts is confirmed and never dropped, even when it is seen again."""
    stream = by_hand(stream)
    doubled = [event for event in stream for _ in range(2)]
    effects = Effects()
    fold_batch(Views(), on_the_log(doubled), effects)
    taken = {connection.event_id for connection in folded(stream).values()}
    assert taken <= set(effects.reservations.confirmed)
    assert not taken & set(effects.reservations.dropped)


@given(connections())
def test_inputs_are_never_changed(stream: Stream) -> None:
    """Neither the known connections nor the event look different after a fold."""
    known: Connections = {}
    for event in stream:
        before, event_before = dict(known), event.model_dump_json()
        after = fold(known, event)
        assert known == before
        assert event.model_dump_json() == event_before
        known = after
