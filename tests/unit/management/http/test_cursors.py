"""Cursors are sealed, belong to one list, and outlive a rotation of keys."""

import base64
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.sealing.blobs import CannotUnseal
from schemas.sealing.keys import Keyring
from services.management.connections.models import ListConnections
from services.management.cursors import Cursors, list_of
from services.management.http.models.paging import AnyPage
from services.management.http.models.query import Selected
from services.management.users.models import ListUsers
from tests.support.operations import WITH_QUERY, title

CURSORS = Cursors(Keyring({3: b"3" * 32}))
PATH, ID = "/api/v2/roles/{id}/users", {"id": "rol_1"}
LIST = list_of("demo", PATH, ID, ListUsers(q="name:a*", sort="name:1"))
PLACES = st.text(st.characters(codec="utf-8"))
WALKED = [one for one in WITH_QUERY if one.query is not None and "after" in one.query.model_fields]


def decoded(cursor: str) -> bytes:
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


def encoded(blob: bytes) -> str:
    return base64.urlsafe_b64encode(blob).decode().rstrip("=")


@given(PLACES)
def test_a_position_survives(position: str) -> None:
    """Whatever it is, in a text that an address takes as it is."""
    cursor = CURSORS.seal(position, LIST)
    assert CURSORS.open(cursor, LIST) == position
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert cursor.isascii()


@given(PLACES, st.data())
def test_no_byte_of_a_cursor_can_be_changed(position: str, data: st.DataObject) -> None:
    """A cursor with any changed byte is refused."""
    blob = bytearray(decoded(CURSORS.seal(position, LIST)))
    blob[data.draw(st.integers(0, len(blob) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CannotUnseal):
        CURSORS.open(encoded(bytes(blob)), LIST)


@given(PLACES, st.data())
def test_no_part_of_a_cursor_is_one(position: str, data: st.DataObject) -> None:
    """Parts of a cursor, longer texts and other encodings of its bytes are refused."""
    cursor = CURSORS.seal(position, LIST)
    cut = cursor[: data.draw(st.integers(0, len(cursor) - 1))]
    for text in (cut, cursor + "A", cursor + "=", cursor + "==", cursor + "\n", f" {cursor}", cursor[::-1]):
        with pytest.raises(CannotUnseal):
            CURSORS.open(text, LIST)


def test_unused_bits_of_the_text_are_not_free() -> None:
    """Only one of the texts that decode to equal bytes is the cursor."""
    cursor = CURSORS.seal("ab", LIST)
    assert len(decoded(cursor)) % 3
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = cursor[:-1] + letters[letters.index(cursor[-1]) + 1]
    assert decoded(twin) == decoded(cursor)
    with pytest.raises(CannotUnseal):
        CURSORS.open(twin, LIST)


@given(st.text() | st.binary().map(encoded))
def test_anything_else_is_no_cursor(text: str) -> None:
    """Surrogates and control characters included."""
    with pytest.raises(CannotUnseal):
        CURSORS.open(text, LIST)


@pytest.mark.parametrize("text", ["", "=", "é", "\ud800", "A" * 100_000, "Ag" * 50_000, "*", "a.b"])
def test_odd_texts_are_no_cursors(text: str) -> None:
    """Empty, huge, and in no alphabet."""
    with pytest.raises(CannotUnseal):
        CURSORS.open(text, LIST)


@pytest.mark.parametrize("position", ["jane@example.com", "Jane Doe", "2026-01-01T00:00:00.000Z sub_1"])
def test_nothing_of_the_position_is_readable(position: str) -> None:
    """Neither the text nor the decoded bytes contain the position; the text is short."""
    cursor = CURSORS.seal(position, LIST)
    for part in position.encode().split(b" "):
        assert part not in decoded(cursor)
        assert part not in cursor.encode()
    assert len(decoded(cursor)) == len(position.encode()) + 20


@pytest.mark.parametrize(
    "other",
    [
        list_of("other", PATH, ID, ListUsers(q="name:a*", sort="name:1")),
        list_of("demo", "/api/v2/roles/{id}", ID, ListUsers(q="name:a*", sort="name:1")),
        list_of("demo", PATH, {"id": "rol_2"}, ListUsers(q="name:a*", sort="name:1")),
        list_of("demo", PATH, {"id": "rol_1\x00"}, ListUsers(q="name:a*", sort="name:1")),
        list_of("demo", PATH, {}, ListUsers(q="name:a*", sort="name:1")),
        list_of("demo", PATH, ID, ListUsers(q="name:b*", sort="name:1")),
        list_of("demo", PATH, ID, ListUsers(q="name:a*", sort="name:-1")),
        list_of("demo", PATH, ID, ListUsers(q="name:a*", sort="name:1", connection="db")),
        list_of("demo", PATH, ID, ListUsers(q="name:a*")),
        list_of("demo", PATH, ID, ListConnections(name="name:a*")),
    ],
)
def test_a_cursor_is_of_one_list(other: bytes) -> None:
    """Another tenant, operation, path, query or order refuses it."""
    with pytest.raises(CannotUnseal):
        CURSORS.open(CURSORS.seal("a", LIST), other)


def test_parts_of_a_name_do_not_run_into_each_other() -> None:
    """A character of one part that another part begins with makes another list."""
    query = ListUsers()
    names = [
        list_of("a", "b", {"id": "c"}, query),
        list_of("a\x00b", "", {"id": "c"}, query),
        list_of("a", "b\x00c", {}, query),
        list_of('a","b', "", {"id": "c"}, query),
        list_of("a", "b", {"id": 'c"},{"q":"x'}, query),
        list_of("a", "b", {"id": "c"}, ListUsers(q="x")),
    ]
    assert len({*names}) == len(names)


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # the value has no type in particular
@pytest.mark.parametrize("operation", WALKED, ids=title)
def test_every_parameter_that_narrows_a_list_makes_another(operation: Any) -> None:
    """Paging and the choice of fields do not; a parameter counts unless it is known to be one of these."""
    model = operation.query
    begun = model.model_construct()
    of_the_page = {*AnyPage.model_fields, *Selected.model_fields}
    of_the_page |= {"cursor", "search_engine", "primary_order", "explain"}
    for name in model.model_fields:
        other = begun.model_copy(update={name: "another"})
        same = list_of("demo", PATH, ID, other) == list_of("demo", PATH, ID, begun)
        assert same is (name in of_the_page), name


def test_a_default_that_is_named_makes_the_same_list() -> None:
    """So that a parameter which is new with its default leaves cursors valid."""
    assert list_of("demo", PATH, ID, ListUsers()) == list_of("demo", PATH, ID, ListUsers(q=None, page=0))
    assert list_of("demo", PATH, ID, ListConnections(strategy=())) == list_of(
        "demo", PATH, ID, ListConnections()
    )


def test_a_cursor_outlives_a_new_wrapping_key() -> None:
    """Keys come from the oldest one; the key of another installation opens nothing."""
    cursor = CURSORS.seal("a", LIST)
    rotated = Cursors(Keyring({9: b"9" * 32, 3: b"3" * 32, 4: b"4" * 32}))
    assert rotated.open(cursor, LIST) == "a"
    assert rotated.seal("a", LIST) == cursor
    with pytest.raises(CannotUnseal):
        Cursors(Keyring({3: b"4" * 32})).open(cursor, LIST)


def test_keys_are_derived_as_rfc_5869_has_it() -> None:
    """A change of the derivation would end every cursor."""
    info = b"vita derived key: cursors\x01"
    assert Keyring({1: b"1" * 32}).derived("cursors") == hmac.digest(b"1" * 32, info, "sha256")


def test_derived_keys_are_of_one_purpose() -> None:
    """Keys for different purposes differ from each other and from the wrapping key."""
    keyring = Keyring({1: b"1" * 32})
    keys = {keyring.derived("cursors"), keyring.derived("cursor"), keyring.derived(""), b"1" * 32}
    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}
