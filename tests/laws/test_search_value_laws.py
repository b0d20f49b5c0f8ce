"""Laws of the text of a value: its order is the order of the values."""

from decimal import Decimal
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from projections.search.leaf import MOST, leaves
from projections.search.value import INDEXED_CHARACTERS, UNSEARCHABLE, folded, prefix_end, value_text
from tests.laws.events import floats, integers, text

numbers = st.one_of(integers, floats, st.decimals(allow_nan=False, allow_infinity=False, places=4))
ANYBODY: dict[str, Any] = {"user_id": "a|1", "identities": []}


def exact(number: Any) -> Decimal:
    """A number as its JSON text says it."""
    return Decimal(str(number))


@given(numbers, numbers)
@example(1, 1.0)
@example(-1, -10)
@example(0.0, -0.0)
@example(2**64, 2**64 + 1)
@example(-0.12, -0.123)
def test_numbers_keep_their_order_and_their_equality(one: Any, other: Any) -> None:
    """Of any two numbers the texts compare as the numbers do, however long or small they are."""
    left, right = value_text(one), value_text(other)
    assert (left < right) == (exact(one) < exact(other))
    assert (left == right) == (exact(one) == exact(other))


@given(text, text)
def test_strings_keep_their_order(one: str, other: str) -> None:
    """The texts of strings sort by code point."""
    assert (value_text(one) < value_text(other)) == (one < other)


@given(st.booleans(), numbers, text)
@example(True, 1, "1")
def test_kinds_are_apart(flag: bool, number: Any, string: str) -> None:
    """A flag is before a number is before a string is before what is too long; none equals another."""
    assert value_text(flag) < value_text(number) < value_text(string) < UNSEARCHABLE


@given(text, text)
@example("\U0010ffff", "\U0010ffff\U0010ffff")
@example("\ud7ff", "\ue000")
def test_a_prefix_is_a_range(prefix: str, string: str) -> None:
    """A text begins with a prefix exactly if it is between the prefix and the prefix's end."""
    end = prefix_end(prefix)
    assert string.startswith(prefix) == (prefix <= string and (end is None or string < end))
    assert (prefix + string).startswith(prefix)
    assert prefix <= prefix + string
    assert end is None or prefix + string < end


@given(st.text("aΑΣσςİßǅ", max_size=4), st.text("aΑΣσςİßǅ", max_size=4))
def test_the_fold_of_a_part_is_a_part_of_the_fold(one: str, other: str) -> None:
    """Wildcards therefore match equally before and after folding."""
    assert folded(one + other) == folded(one) + folded(other)


@given(st.recursive(st.none() | st.booleans() | integers | text, lambda inner: st.lists(inner, max_size=3)))
def test_arrays_are_no_level(value: Any) -> None:
    """The path of a value inside of arrays is that of the outermost array; null and empty arrays have no
    leaves."""
    found = leaves({**ANYBODY, "user_metadata": {"k": value}})
    assert {leaf.value for leaf in found} == {value_text(part) for part in flat(value)}
    assert {leaf.path for leaf in found} <= {"user_metadata.k"}
    assert [leaf.lowest for leaf in found] == [place == 0 for place in range(len(found))]
    assert [leaf.highest for leaf in found] == [place == len(found) - 1 for place in range(len(found))]


def flat(value: Any) -> list[Any]:
    """The scalars of nested arrays."""
    if isinstance(value, list):
        return [part for inner in value for part in flat(inner)]
    return [] if value is None else [value]


def test_claims_cannot_pose_as_metadata() -> None:
    """A provider's claim with a dot in its name is never found under a path of our own."""
    document = {**ANYBODY, "app_metadata.role": "admin", "organization_id": "org_1", "locale": {"tag": "de"}}
    assert [(leaf.path, leaf.value) for leaf in leaves(document)] == [("locale.tag", "sde")]
    assert [leaf.path for leaf in leaves(document, ["org_2"])] == ["locale.tag", "organization_id"]


def test_what_is_too_long_exists() -> None:
    """A long value is there without being comparable; a long path is not there; neither breaks an index."""
    long = "x" * (INDEXED_CHARACTERS + 1)
    document = {
        **ANYBODY,
        "user_metadata": {"text": long, "number": int("9" * 300), long: 1, "ok": "y" * 256},
    }
    found = {leaf.path: leaf.value for leaf in leaves(document)}
    assert found == {
        "user_metadata.text": UNSEARCHABLE, "user_metadata.number": UNSEARCHABLE,
        "user_metadata.ok": "s" + "y" * 256,
    }  # fmt: skip


def test_one_person_cannot_fill_the_index() -> None:
    """Of very many leaves the first are searchable; a document nested beyond Python's stack is read all the
    same."""
    assert len(leaves({**ANYBODY, "user_metadata": {"k": list(range(MOST + 5))}})) == MOST
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    assert len(leaves({**ANYBODY, "user_metadata": {"k": deep}})) == 1
