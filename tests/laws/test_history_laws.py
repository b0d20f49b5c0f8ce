"""The laws of histories: changes and documents say the same, the past is a prefix, every value has a
source."""

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from projections.history.changes import applied, changes_between, document_changes
from projections.history.entry import entry_of
from projections.history.explanation import RULES, Explainer
from projections.history.moment import Moment
from projections.history.steps import HistoryStep, is_personal, step
from projections.logged import Logged
from projections.profile.fold import fold
from projections.profile.state import NO_PROFILE
from schemas.formats import exact_json
from schemas.formats.exact_json import same
from tests.laws.events import histories, objects
from tests.samples.profile_events import on_the_log


def steps_of(stream: list[Any]) -> list[HistoryStep]:
    """The steps of the events of one person, as the log would hold them."""
    profile, found = NO_PROFILE, []
    for logged in on_the_log(stream):
        found.append(step(profile, logged))
        profile = found[-1].after
    return found


@given(histories())
def test_changes_applied_in_order_give_the_document(stream: list[Any]) -> None:
    """From nothing, event by event, also through deletions and links."""
    document: dict[str, Any] = {}
    for one in steps_of(stream):
        document = applied(document, changes_between(one.before, one.after))
        assert same(document, dict(one.after.document or {}))


@given(objects, objects)
def test_changes_lead_from_any_document_to_any_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Also for metadata, where they are given member by member; equal documents have none."""
    for old, new in ((before, after), ({"app_metadata": before}, {"app_metadata": after})):
        changes = document_changes(old, new)
        assert same(applied(old, changes), new)
        assert document_changes(new, new) == []
        assert same(applied(new, document_changes(new, old)), old)


@given(histories())
def test_the_latest_moment_is_the_present(stream: list[Any]) -> None:
    """The steps end in what the fold makes of all events, and no step comes after its own position."""
    profile = NO_PROFILE
    for event in stream:
        profile = fold(profile, event)
    steps = steps_of(stream)
    assert (steps[-1].after if steps else NO_PROFILE) == profile
    assert all(is_personal(one.logged) for one in steps)


@given(histories(), st.integers(0, 20))
def test_the_past_is_a_state_that_was(stream: list[Any], number: int) -> None:
    """What comes before a moment is a beginning of the log, whose events all happened or were stored by
    then."""
    logged = on_the_log(stream)
    assume(number < len(logged))
    time = min(logged[number].event.time, logged[number].recorded_at)
    before = list(_until(logged, Moment(time=time)))
    assert before == logged[: len(before)]
    assert all(min(one.event.time, one.recorded_at) <= time for one in before)
    at_position = list(_until(logged, Moment(position=logged[number].position)))
    assert at_position == logged[: number + 1]


@given(histories())
def test_every_attribute_has_an_explanation(stream: list[Any]) -> None:
    """Each shows the value of the document and the event it came from; rules have names that are known."""
    explainer = Explainer()
    for one in steps_of(stream):
        explainer.take(one)
    document = explainer.profile.document or {}
    explained = explainer.explained()
    assert {one["attribute"] for one in explained} == document.keys()
    for one in explained:
        assert same(one["value"], document[one["attribute"]])
        assert one["event"]
        assert one["time"]
        assert one["by"]
        for other in one.get("alternatives", ()):
            assert RULES[other["rule"]] == other["reason"]
            assert not same(other["value"], one["value"])


@given(histories())
def test_every_event_has_an_entry(stream: list[Any]) -> None:
    """Each is JSON with words; an event that was refused changes nothing."""
    for one in steps_of(stream):
        entry = entry_of(one)
        assert exact_json.loads(exact_json.dumps(entry)) is not None
        assert entry["summary"]
        if one.verdict == "refused":
            assert entry["changes"] == []


def _until(logged: list[Logged], moment: Moment) -> list[Logged]:
    found = []
    for one in logged:
        if moment.is_before(one):
            break
        found.append(one)
    return found
