"""The laws of a person's fold: replays, splits, duplicates, refusals, provenance, what an edit outlives."""

import copy
from collections.abc import Sequence
from datetime import timedelta
from functools import reduce
from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st

from projections.profile.changes.deletions import DELETED
from projections.profile.changes.links import links_of, merged_into
from projections.profile.fold import fold
from projections.profile.memory import OFFSETS, RECENT
from projections.profile.provenance import of
from projections.profile.state import NO_PROFILE, OWN_KEYS, ROOT_ATTRIBUTES, Profile, dump_memory, load_memory
from schemas.envelope import REPLAYED
from schemas.events import (
    AttributesChanged,
    LoginSucceeded,
    LoginSucceededData,
    MetadataChanged,
    UserBlocked,
    UserCreated,
    UserDeleted,
    UserDeletedData,
    UserFlagData,
    UserUndeleted,
    UserUndeletedData,
)
from schemas.formats import exact_json
from tests.laws.events import (
    START,
    SUBJECTS,
    TENANT,
    Step,
    attribute_edits,
    creations,
    event_id,
    histories,
    instants,
    logins,
    placed,
    split,
    steps,
)
from tests.laws.tables import Tables, folded
from tests.samples.profile_events import login

ME = TENANT, SUBJECTS[0]
LATER = START + timedelta(hours=2)
"""After everything that a drawn history holds."""
UNCREDITED = (
    OWN_KEYS - ROOT_ATTRIBUTES - {"username", "email", "email_verified", "phone_number", "phone_verified"}
)
"""What the fold itself keeps count of, and metadata, which says no more than who changed it last."""


def folded_through(stream: Sequence[Any], start: Profile = NO_PROFILE) -> Profile:
    return reduce(fold, stream, start)


def text_of(profile: Profile) -> tuple[Any, ...]:
    """A person in the bytes the table would hold."""
    return (
        profile.revision,
        exact_json.dumps(profile.document),
        dump_memory(profile.memory),
        exact_json.dumps(dict(profile.secrets)),
        exact_json.dumps(dict(profile.associations)),
    )


def living(stream: Sequence[Any]) -> Profile:
    """The person after these events, who is not deleted."""
    profile = folded_through(stream)
    assume(profile.document is not None)
    return profile


@given(histories())
def test_a_replay_changes_nothing(stream: list[Any]) -> None:
    """An event that is folded again at once returns the identical object."""
    profile = NO_PROFILE
    for event in stream:
        profile = fold(profile, event)
        assert fold(profile, event) is profile


@given(histories(people=3, max_size=16), st.lists(st.integers(0, 20), max_size=5))
def test_any_batch_split_gives_the_same_rows(stream: list[Any], cuts: list[int]) -> None:
    """The tables do not depend on the split into batches, with rows written and read in between."""
    at_once = folded([stream]).rows()
    assert folded(split(stream, cuts)).rows() == at_once
    assert folded([event] for event in stream).rows() == at_once


@given(histories(people=3, max_size=16), st.randoms(use_true_random=False))
def test_any_interleaving_of_people_gives_the_same_rows(stream: list[Any], random: Any) -> None:
    """People do not touch one another: only each one's own order counts."""
    queues = [[event for event in stream if event.subject == subject] for subject in SUBJECTS]
    mixed = []
    while any(queues):
        queue = random.choice([queue for queue in queues if queue])
        mixed.append(queue.pop(0))
    assert folded([mixed]).rows() == folded([stream]).rows()


@given(histories(max_size=16), st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=4))
def test_duplicates_by_source_position_change_nothing(
    stream: list[Any], repeats: list[tuple[int, int]]
) -> None:
    """A login emitted again, however late and under whatever id, is known by where its raw login stood."""
    emitted: list[Any] = list(stream)
    for number, (which, where) in enumerate(repeats):
        places = [n for n, event in enumerate(emitted) if event.sourceposition is not None]
        if places:
            first = places[which % len(places)]
            again = emitted[first].model_copy(update={"id": event_id(50_000 + number)})
            emitted.insert(first + 1 + where % (len(emitted) - first), again)
    assert text_of(folded_through(emitted)) == text_of(folded_through(stream))


@given(
    st.lists(logins(), min_size=1, max_size=20),
    st.sets(st.integers(0, 19)),
    st.lists(st.tuples(st.booleans(), st.integers(0, 19)), max_size=12),
)
def test_a_replayed_login_counts_once(
    data: list[LoginSucceededData], quarantined: set[int], again: list[tuple[bool, int]]
) -> None:
    """A login that was quarantined counts when it is replayed, behind any later ones, and neither another
    replay nor the raw record itself counts a second time."""
    stream = placed([Step(0, LoginSucceeded, one, START) for one in data])
    replays = [
        event.model_copy(update={"sourceposition": REPLAYED + event.sourceposition}) for event in stream
    ]
    first = [event for number, event in enumerate(stream) if number not in quarantined]
    late = [event for number, event in enumerate(replays) if number in quarantined]
    repeated = [
        (replays if is_replay else stream)[number % len(stream)].model_copy(
            update={"id": event_id(70_000 + count)}
        )
        for count, (is_replay, number) in enumerate(again)
    ]
    document = folded_through([*first, *late, *repeated]).document
    assert document is not None
    assert document["logins_count"] == len(stream)


@given(histories(max_size=16), st.integers(0, 99), st.integers(0, 99))
def test_a_retry_of_a_gateway_changes_nothing(stream: list[Any], which: int, where: int) -> None:
    """A repeated event id in a new raw record, among the latest events of a person, counts once."""
    assume(stream)
    assert len(stream) < RECENT
    first = which % len(stream)
    position = None if stream[first].sourceposition is None else "1/77/5"
    retried = list(stream)
    again = stream[first].model_copy(update={"sourceposition": position})
    retried.insert(first + 1 + where % (len(stream) - first), again)
    assert text_of(folded_through(retried)) == text_of(folded_through(stream))


@given(st.lists(st.tuples(logins(), instants), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_logins_count_is_the_number_of_distinct_logins(
    parts: list[tuple[LoginSucceededData, Any]], random: Any
) -> None:
    """However often logins are emitted again, in batches of any size, each distinct one counts once."""
    stream = placed([Step(0, LoginSucceeded, data, time) for data, time in parts])
    emitted = [
        event for number, event in enumerate(stream) for event in again_and_again(stream, number, random)
    ]
    document = folded(split(emitted, [random.randrange(100) for _ in range(3)])).read(ME).document
    assert document is not None
    assert document["logins_count"] == len(stream)
    assert (
        document["last_login"]
        == max(event.time for event in stream).isoformat(timespec="milliseconds")[:23] + "Z"
    )


@given(
    st.lists(logins(), min_size=1, max_size=30),
    st.sets(st.integers(0, 29)),
    st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=4),
)
def test_a_rewind_brings_back_what_was_skipped_and_nothing_twice(
    data: list[LoginSucceededData], skipped: set[int], runs: list[tuple[int, int]]
) -> None:
    """Logins that were skipped count once a rewind emits them, and those that counted do not count again."""
    stream = placed([Step(0, LoginSucceeded, one, START) for one in data])
    emitted = [event for number, event in enumerate(stream) if number not in skipped]
    for start, end in runs:
        emitted += stream[start : end + 1]
    document = folded([[*emitted, *stream, *emitted]]).read(ME).document
    assert document is not None
    assert document["logins_count"] == len(stream)


@given(st.integers(1, OFFSETS * 2), st.integers(0, OFFSETS * 2))
def test_nothing_counts_twice_however_much_came_since(count: int, back: int) -> None:
    """A repetition from any distance, also beyond what is remembered, changes nothing."""
    stream = placed([Step(0, LoginSucceeded, login().data, START) for _ in range(count)])
    before = folded_through(stream)
    assert folded_through(stream[max(0, count - back) :], before) == before


def again_and_again(stream: list[Any], number: int, random: Any) -> list[Any]:
    """The number-th event, and now and then all since an earlier one once more, as after a crash."""
    back = random.choice([0, 0, 0, 1, number])
    return [*stream[number - back : number], stream[number]] if back else [stream[number]]


@given(histories(max_size=8), attribute_edits(), st.lists(logins(), max_size=4))
def test_an_edit_outlives_logins_unless_the_policy_says_otherwise(
    stream: list[Any], edit: Any, later: list[LoginSucceededData]
) -> None:
    """Under `unless_edited` no login moves what an admin set, nor brings back what an admin removed."""
    start = living(stream)
    edit = edit.model_copy(update={"expected_revision": None, "connection": None})
    own = [data.model_copy(update={"root_policy": "unless_edited"}) for data in later]
    first = Step(0, AttributesChanged, edit, START)
    rest = [Step(0, LoginSucceeded, data, START) for data in own]
    after = folded_through(beyond([first, *rest]), start)
    assert after.document is not None
    assert {name: after.document.get(name) for name in edit.values} == edit.values
    assert not after.document.keys() & set(edit.removed)


@given(histories(max_size=8), st.lists(logins(), max_size=4))
def test_first_login_policy_leaves_root_attributes_alone_later(
    stream: list[Any], later: list[LoginSucceededData]
) -> None:
    """Under `on_first_login` later logins do not change the five root attributes of an existing profile."""
    start = living(stream)
    own = [data.model_copy(update={"root_policy": "on_first_login"}) for data in later]
    after = folded_through(beyond([Step(0, LoginSucceeded, data, LATER) for data in own]), start)
    assert start.document is not None
    assert after.document is not None
    for name in ("name", "nickname", "given_name", "family_name", "picture"):
        assert after.document.get(name) == start.document.get(name)


@given(logins(), st.lists(logins(), max_size=4))
def test_what_a_provider_tells_once_is_kept(
    first: LoginSucceededData, later: list[LoginSucceededData]
) -> None:
    """Apple sends a name only the first time: attributes that are left out stay."""
    given_names = {"name": "Jane", "given_name": "Jane"}
    first = first.model_copy(
        update={"attributes": first.attributes | given_names, "root_policy": "on_each_login", "sources": {}}
    )
    silent = [
        data.model_copy(
            update={
                "attributes": {k: v for k, v in data.attributes.items() if k not in given_names},
                "extras": {},
            }
        )
        for data in later
    ]
    stream = beyond([Step(0, LoginSucceeded, data, START) for data in [first, *silent]])
    document = folded_through(stream).document
    assert document is not None
    assert {name: document[name] for name in given_names} == given_names


@given(histories(max_size=8), logins(), st.one_of(logins(), creations()))
def test_a_deleted_person_is_gone_and_may_come_back_new(stream: list[Any], login: Any, back: Any) -> None:
    """Deletion leaves no document or provenance, and sets all aside; who comes back has nothing of it."""
    start = folded_through(stream)
    assume(merged_into(start) is None)
    deletion = UserDeletedData(together_with=SUBJECTS[0] if links_of(start) else None)
    parts = [Step(0, LoginSucceeded, login, START), Step(0, UserDeleted, deletion, START)]
    gone = folded_through(beyond(parts), start)
    assert gone.document is None
    assert gone.secrets.keys() == {DELETED}
    assert not gone.associations
    assert not gone.memory.provenance
    assert gone.memory.deleted_at is not None
    assert gone.revision == start.revision + 2
    model = LoginSucceeded if isinstance(back, LoginSucceededData) else UserCreated
    new = Step(0, model, back, START)
    returned = folded_through(beyond([new], 90), gone)
    fresh = folded_through(beyond([new], 90))
    assert returned.document == fresh.document
    assert returned.secrets == fresh.secrets
    assert returned.memory.provenance == fresh.memory.provenance
    assert returned.memory.deleted_at is None
    assert returned.revision == gone.revision + 1


@given(histories(max_size=8), creations())
def test_a_user_is_created_once(stream: list[Any], data: Any) -> None:
    """`user.created` for an existing person changes only the memory of refused commands."""
    start = living(stream)
    event = Step(0, UserCreated, data, START, command=9).event(900, None)
    after = fold(start, event)
    assert after.document == start.document
    assert after.revision == start.revision
    assert after.memory.refused[-1] == event.causationid


@given(histories(max_size=8), st.integers(-3, 3).filter(bool), st.lists(steps(), min_size=1, max_size=3))
def test_a_stale_command_is_refused_whole(stream: list[Any], off: int, rest: list[Step]) -> None:
    """When a command's first event expects another revision, none of its events has an effect."""
    start = living(stream)
    stale = UserFlagData(expected_revision=start.revision + off)
    edits = [
        step for step in rest if step.model not in (LoginSucceeded, UserCreated) and step.command is not None
    ]
    parts = [Step(0, UserBlocked, stale, START), *edits]
    command = [
        part.event(900 + n, None).model_copy(update={"causationid": event_id(77)})
        for n, part in enumerate(parts)
    ]
    after = folded_through(command, start)
    assert after.document == start.document
    assert after.secrets == start.secrets
    assert after.revision == start.revision
    assert event_id(77) in after.memory.refused


@given(histories(max_size=8))
def test_a_command_on_the_seen_revision_is_taken(stream: list[Any]) -> None:
    """A command with the right expected revision is never refused; of two commands with one expected revision
    exactly one takes effect."""
    start = living(stream)
    data = UserFlagData(expected_revision=start.revision)
    one, other = (Step(0, UserBlocked, data, START).event(number, None) for number in (900, 901))
    after = fold(start, one)
    assert after.revision == start.revision + 1
    assert fold(after, other).revision == after.revision
    assert fold(after, other).memory.refused[-1] == other.id


@given(histories(max_size=14))
def test_inputs_are_never_changed(stream: list[Any]) -> None:
    """A fold modifies neither the profile nor the event."""
    profile = NO_PROFILE
    for event in stream:
        before, event_before = text_of(profile), event.model_dump_json()
        kept = copy.deepcopy(profile.document)
        after = fold(profile, event)
        assert text_of(profile) == before
        assert profile.document == kept
        assert event.model_dump_json() == event_before
        profile = after


@given(histories(max_size=14))
def test_provenance_names_the_event_that_gave_the_value(stream: list[Any]) -> None:
    """Every attribute is listed under exactly one event, which set or removed its value."""
    by_id = {event.id: event for event in stream}
    profile = folded_through(stream)
    groups = profile.memory.provenance
    named = [name for group in groups.values() for name in group["claims"]]
    assert len(named) == len(set(named))
    if profile.document is None:
        assert not groups
        return
    for identity, group in groups.items():
        for name, claim in group["claims"].items():
            assert given_by(by_id[identity], name) == exact_json.dumps(profile.document.get(name))
            assert of(groups, name) == (group["by"], claim)
    assert not profile.document.keys() - set(named) - UNCREDITED


def given_by(event: Any, name: str) -> bytes:
    """The value this event gave an attribute, as JSON; null for one it removed."""
    data = event.data
    match event.type:
        case "profile.login.succeeded":
            value = {**data.attributes, **data.extras}[name]
        case "profile.user.created":
            value = data.attributes[name]
        case "profile.attributes.changed":
            value = data.values.get(name)
        case "profile.user.restored":
            value = None if name in data.removed else data.values[name]
        case _:
            removed = data.email is None if "email" in event.type else data.phone_number is None
            value = None if removed else getattr(data, name)
    return exact_json.dumps(value)


@given(histories(max_size=14))
def test_the_revision_moves_exactly_with_the_document(stream: list[Any]) -> None:
    """The revision rises by one when an event is taken; if not, neither document nor associations change."""
    profile = NO_PROFILE
    for event in stream:
        after = fold(profile, event)
        if after.revision == profile.revision:
            assert exact_json.dumps(after.document) == exact_json.dumps(profile.document)
            assert after.associations == profile.associations
        else:
            assert after.revision == profile.revision + 1
            assert after is not profile
        profile = after


@given(histories(max_size=14))
def test_memory_survives_its_json(stream: list[Any]) -> None:
    """The memory equals itself after writing and reading, and gives equal bytes again."""
    memory = folded_through(stream).memory
    text = dump_memory(memory)
    assert load_memory(text) == memory
    assert dump_memory(load_memory(text)) == text


@given(histories(max_size=14), st.integers(0, 14))
@example(stream=[], cut=0)
def test_a_person_read_back_goes_on_as_in_memory(stream: list[Any], cut: int) -> None:
    """A person that is written and read at any point ends in the bytes of one that stays in memory."""
    tables, kept = Tables(), Tables()
    kept.take(stream)
    tables.take(stream[:cut])
    tables.take(stream[cut:])
    assert tables.profile == kept.profile


@given(histories(people=2, max_size=14))
def test_search_rows_exist_for_existing_users_only(stream: list[Any]) -> None:
    """A person is in search and activity exactly while there is a document, and the rows say what it says."""
    tables = folded([stream])
    alive = {person for person in tables.profile if tables.read(person).document is not None}
    assert tables.search.keys() == alive
    assert tables.activity.keys() == alive
    for person in alive:
        document = tables.read(person).document
        assert document is not None
        assert tables.search[person][0] == document["user_id"]
        assert tables.activity[person][-1] == document.get("logins_count")


@given(
    histories(max_size=10), st.dictionaries(st.text("ab", max_size=1), st.none() | st.booleans(), max_size=3)
)
def test_metadata_merges_at_the_first_level(stream: list[Any], patch: dict[str, Any]) -> None:
    """A patch replaces what it names, removes what it names null, wipes when empty, and touches no more."""
    start = living(stream)
    assert start.document is not None
    edit = MetadataChanged.model_fields["data"].annotation(user_metadata=patch)
    after = folded_through(beyond([Step(0, MetadataChanged, edit, START)]), start).document
    assert after is not None
    before = start.document.get("user_metadata", {}) if patch else {}
    wanted = {name: value for name, value in {**before, **patch}.items() if value is not None}
    assert exact_json.dumps(after["user_metadata"]) == exact_json.dumps(wanted)


def beyond(parts: Sequence[Step], number: int = 500) -> list[Any]:
    """Events after a history, with fresh ids; raw logins come from a separate partition."""
    return [
        part.event(number + n, f"1/{number}/{n}" if part.model is LoginSucceeded else None)
        for n, part in enumerate(parts)
    ]


@given(histories(max_size=14), st.booleans())
def test_an_undone_deletion_leaves_only_its_time(stream: list[Any], is_written: bool) -> None:
    """Deleted and brought back, written and read in between or not, a person has what it had before."""
    tables = folded([stream])
    assume(ME in tables.profile)
    before = tables.read(ME)
    group = merged_into(before) or (SUBJECTS[0] if links_of(before) else None)
    assume(before.document is not None or group is not None)
    parts = [
        Step(0, UserDeleted, UserDeletedData(together_with=group), LATER, 5),
        Step(0, UserUndeleted, UserUndeletedData(deletion=event_id(10_005)), LATER, 6),
    ]
    for batch in split(beyond(parts), [1] if is_written else []):
        tables.take(batch)
    after = tables.read(ME)
    assert after.revision == before.revision + 2
    assert _lasting(after) == _lasting(before)


def _lasting(profile: Profile) -> list[bytes]:
    """What a person has, in bytes, without the time of its last change and the memory of events."""
    document, memory = dict(profile.document or {}), profile.memory
    document.pop("updated_at", None)
    kept = (document, dict(profile.secrets), dict(profile.associations))
    return [
        exact_json.dumps(one)
        for one in (*kept, dict(memory.provenance), dict(memory.marks), dict(memory.linked))
    ]
