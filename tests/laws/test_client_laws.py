"""The laws of an API client's fold: splits, repetitions, and that no change undoes another unseen."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from projections.batch.fold import fold_batch
from projections.batch.views import Views
from projections.client.fold import ClientState, fold
from projections.client.view import CLIENT
from schemas.events import ClientConfigured, ClientConfiguredData
from schemas.formats.identifiers import tenant_subject
from tests.laws.events import START, TENANT, event_id, objects, revisions
from tests.samples.profile_events import on_the_log

KEY = TENANT, "app"


@st.composite
def histories(draw: st.DrawFn) -> list[ClientConfigured]:
    """How one client was made, changed and deleted, by the API and by the command line."""
    made = []
    for number in range(draw(st.integers(0, 8))):
        data = ClientConfiguredData(
            client_id="app",
            name=draw(st.sampled_from(["One", "Two"])),
            scopes=draw(st.sampled_from([(), ("read:users",)])),
            secret_hash=draw(st.sampled_from([None, "old", "new"])),
            deleted=draw(st.sampled_from([False, False, False, True])),
            settings=draw(objects),
            expected_revision=draw(revisions),
        )
        event = ClientConfigured(
            id=event_id(number), source="/vita/test", subject=tenant_subject(TENANT), time=START,
            tenant=TENANT, actor="client:admin", data=data,
        )  # fmt: skip
        made.append(event)
    return made


def folded(stream: Sequence[ClientConfigured]) -> ClientState | None:
    current: ClientState | None = None
    for event in stream:
        current = fold(current, event)
    return current


@given(histories(), st.integers(0, 8))
def test_any_split_gives_the_same_client(stream: list[ClientConfigured], cut: int) -> None:
    """A batch may end anywhere."""
    first = fold_batch(Views(), on_the_log(stream[:cut])).now
    assert fold_batch(first, on_the_log(stream[cut:])).now.of(CLIENT).get(KEY) == folded(stream)


@given(histories())
def test_a_repetition_changes_nothing(stream: list[ClientConfigured]) -> None:
    """An event that came once more leaves the very same client."""
    current: ClientState | None = None
    for event in stream:
        current = fold(current, event)
        assert fold(current, event) is current


@given(histories())
def test_a_change_counts_for_the_revision_it_was_decided_on(stream: list[ClientConfigured]) -> None:
    """Of two changes of one revision the second is refused, so that it cannot bring an old secret back; and
    nothing changes a client that never was, or is deleted."""
    current: ClientState | None = None
    for event in stream:
        before, current = current, fold(current, event)
        expected, revision = event.data.expected_revision, 0 if before is None else before.revision
        over = before is not None and before.deleted
        if expected is not None and (over or expected != revision):
            assert current is before
        else:
            assert current is not None
            assert (current.revision, current.secret_hash) == (revision + 1, event.data.secret_hash)


@given(histories())
def test_a_rejected_change_is_reported_as_rejected(stream: list[ClientConfigured]) -> None:
    """The views that follow learn of each event whether it came to anything, the first one included."""
    current: ClientState | None = None
    for applied in fold_batch(Views(), on_the_log(stream)).applied:
        before, current = current, fold(current, stream[applied.logged.position.offset])
        assert applied.refused is (current is before)


@given(histories())
def test_a_copy_of_an_old_event_restores_nothing(stream: list[ClientConfigured]) -> None:
    """A record without a revision that is repeated later on the log, byte for byte, leaves the client as it
    is."""
    current = folded(stream)
    for event in stream:
        if event.data.expected_revision is None:
            assert fold(current, event) is current
