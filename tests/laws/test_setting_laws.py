"""The laws of a setting's fold: replays, revisions, the end of a setting."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from projections.batch.fold import fold_batch
from projections.batch.views import Views
from projections.setting.fold import Setting, fold
from projections.setting.view import SETTING
from schemas.events import RoleDefined, RoleRemoved, SettingData
from schemas.formats.identifiers import tenant_subject
from tests.laws.events import START, TENANT, event_id, objects, revisions
from tests.samples.profile_events import on_the_log

KEY = TENANT, "role", "rol_1"


@st.composite
def histories(draw: st.DrawFn) -> list[Any]:
    """How one role was defined, changed and removed."""
    made = []
    for number in range(draw(st.integers(0, 8))):
        model = draw(st.sampled_from([RoleDefined, RoleDefined, RoleDefined, RoleRemoved]))
        data = SettingData(
            setting_id="rol_1",
            name=draw(st.sampled_from(["Reader", "Writer"])),
            settings=draw(objects),
            expected_revision=draw(revisions),
        )
        made.append(
            model(
                id=event_id(number),
                source="/vita/test",
                subject=tenant_subject(TENANT),
                time=START,
                tenant=TENANT,
                actor="client:admin",
                data=data,
            )
        )
    return made


def folded(stream: list[Any]) -> Setting | None:
    """The role after a history."""
    current: Setting | None = None
    for event in stream:
        current = fold(current, event)
    return current


@given(histories(), st.integers(0, 8))
def test_any_split_gives_the_same_setting(stream: list[Any], cut: int) -> None:
    """A batch may end anywhere."""
    first = fold_batch(Views(), on_the_log(stream[:cut])).now
    rest = fold_batch(first, on_the_log(stream[cut:])).now
    assert rest.of(SETTING).get(KEY) == folded(stream)


@given(histories())
def test_the_last_event_again_changes_nothing(stream: list[Any]) -> None:
    """A repeated event is recognised."""
    once = folded(stream)
    assert all(fold(once, event) is once for event in stream if once and event.id == once.event_id)


@given(histories())
def test_a_change_counts_only_for_the_revision_it_was_decided_on(stream: list[Any]) -> None:
    """Each event makes the next revision, or changes nothing: when another was expected, or it is over."""
    current: Setting | None = None
    for event in stream:
        after = fold(current, event)
        revision = 0 if current is None else current.revision
        over = current is not None and current.deleted
        if over or event.data.expected_revision not in (None, revision):
            assert after is current
        else:
            assert after is not None
            assert after.revision == revision + 1
            assert after.document == {"id": "rol_1", **event.data.settings}
        current = after
