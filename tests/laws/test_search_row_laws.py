"""The laws of the search rows: pure in the document, never stale, never more than the index takes."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from projections.profile.fold import fold
from projections.profile.state import NO_PROFILE
from projections.search.leaf import difference, leaves
from projections.search.row import same_search, search_row
from projections.search.value import INDEXED_CHARACTERS
from projections.search.value import folded as fold_case
from schemas.events import LoginSucceeded, MetadataChanged, MetadataChangedData
from schemas.formats import exact_json
from tests.laws.events import START, Step, histories, logins, near_values, placed, values
from tests.laws.tables import folded

MOVED = ("updated_at", "last_login", "last_ip", "logins_count")
DOCUMENT = {
    "user_id": "oauth2|1",
    "created_at": "2026-11-23T10:00:00.000Z",
    "updated_at": "2026-11-23T10:00:00.000Z",
    "identities": [{"connection": "corp", "user_id": 1, "provider": "oauth2", "isSocial": False}],
}
any_value = st.one_of(near_values, values)


def comparable(document: dict[str, Any]) -> Any:
    """Everything of a document that is searched, but for what logins move."""
    return search_row(document), leaves(document)


@given(st.sampled_from(["x", "user_metadata", "app_metadata"]), any_value, any_value)
@example("user_metadata", {"a": 1}, {"a": True})
@example("x", 1, 1.0)
@example("x", [0], [False])
def test_rows_are_never_left_stale(name: str, before: Any, after: Any) -> None:
    """A row is left unchanged only if the new document has an equal row, with JSON's equality."""
    if name != "x":
        before, after = {"k": before}, {"k": after}
    old, new = {**DOCUMENT, name: before}, {**DOCUMENT, name: after}
    if same_search(old, new):
        assert comparable(old) == comparable(new)


@given(near_values, near_values)
@example(1, True)
@example([1], [True])
@example(0.0, -0.0)
def test_a_leftover_is_what_the_provider_said_last(first: Any, last: Any) -> None:
    """Values that Python takes for one another are still different values of a claim."""
    profile = NO_PROFILE
    for number, value in enumerate((first, last)):
        profile = fold(profile, login_with(number, value))
    assert profile.document is not None
    assert exact_json.dumps(profile.document["claim"]) == exact_json.dumps(last)


def login_with(number: int, value: Any) -> LoginSucceeded:
    data = {
        "connection": "corp",
        "strategy": "oidc",
        "is_social": False,
        "root_policy": "on_each_login",
        "provider": "oidc",
        "idp_id": "1",
        "attributes": {},
        "extras": {"claim": value},
    }
    made = LoginSucceeded.model_fields["data"].annotation(**data)
    return Step(0, LoginSucceeded, made, START).event(number, f"1/0/{number}")


@given(near_values, near_values)
@example(1, True)
def test_edited_metadata_is_searchable_at_once(first: Any, last: Any) -> None:
    """For any split into batches, the leaves are those of the document."""
    edits = [MetadataChangedData(user_metadata={"k": value}) for value in (first, last)]
    login = login_with(50, 1)
    stream = [
        login,
        *(Step(0, MetadataChanged, edit, START).event(60 + n, None) for n, edit in enumerate(edits)),
    ]
    assert folded([event] for event in stream).rows() == folded([stream]).rows()


@given(logins(), st.sampled_from(MOVED), any_value)
def test_what_logins_move_is_not_in_the_search_row(login: Any, name: str, value: Any) -> None:
    """A login that brings nothing new rewrites no text index."""
    document = fold(NO_PROFILE, placed([Step(0, LoginSucceeded, login, START)])[0]).document
    assert document is not None
    assert same_search(document, {**document, name: value})
    assert comparable(dict(document)) == comparable({**document, name: value})


@given(
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=250, max_size=260)
)
def test_what_cannot_be_searched_is_left_out(text: str) -> None:
    """A value beyond the limit is in no column, one within it is there whole."""
    row = search_row({**DOCUMENT, "name": text, "username": text})
    fits = len(text) <= INDEXED_CHARACTERS
    assert row.username == (text if fits else None)
    assert row.name_folded == (fold_case(text) if fits else None)
    assert row.unsearchable == ("{}" if fits else '{"username","name"}')


@given(histories(people=2, max_size=10))
def test_a_row_depends_on_the_document_alone(stream: list[Any]) -> None:
    """The rows of a table are those of the documents beside them, whatever way they came about."""
    tables = folded([event] for event in stream)
    for person, row in tables.search.items():
        document = tables.read(person).document
        assert document is not None
        assert row == search_row(document)
        stored = {(*key, *ends) for key, ends in tables.leaves.get(person, {}).items()}
        assert stored == set(leaves(document))


@given(any_value, any_value)
def test_only_changed_leaves_are_written(before: Any, after: Any) -> None:
    """What is removed was there, what is added was not, and together they lead from one document to the
    other."""
    old, new = (leaves({**DOCUMENT, "user_metadata": {"k": value}}) for value in (before, after))
    gone, added = difference(old, new)
    assert set(gone) <= set(old) - set(new)
    assert set(added) <= set(new) - set(old)
    assert (set(old) - set(gone)) | set(added) == set(new)
