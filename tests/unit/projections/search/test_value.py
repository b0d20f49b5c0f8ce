"""The text of a scalar in the rows of the views."""

from decimal import Decimal
from typing import Any

import pytest

from projections.search.value import INDEXED_CHARACTERS, UNSEARCHABLE, prefix_end, value_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "b1"),
        (False, "b0"),
        ("a", "sa"),
        ("", "s"),
        ("x" * INDEXED_CHARACTERS, "s" + "x" * INDEXED_CHARACTERS),
        ("x" * (INDEXED_CHARACTERS + 1), UNSEARCHABLE),
        (0, "n1"),
        (-0.0, "n1"),
        (1, "n2500011"),
        (1.0, "n2500011"),
        (10, "n2500021"),
        (0.1, "n2500001"),
        (12.5, "n250002125"),
        (-1, "n0499988~"),
        (Decimal("1" * 256), "n250256" + "1" * 256),
        (Decimal("1" * 257), UNSEARCHABLE),
        (Decimal("1E49998"), "n2999991"),
        (Decimal("1E49999"), UNSEARCHABLE),
        (Decimal("1E-50001"), "n2000001"),
        (Decimal("1E-50002"), UNSEARCHABLE),
    ],
)
def test_the_text_of_a_scalar(value: Any, text: str) -> None:
    """Rows that were written before are compared with it, so it stays as it is."""
    assert value_text(value) == text


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("a", "b"),
        ("az", "a{"),
        ("a\U0010ffff", "b"),
        ("\U0010ffff", None),
        ("", None),
        ("\ud7ff", "\ue000"),
    ],
)
def test_the_end_of_a_prefix(text: str, end: str | None) -> None:
    """Nothing that begins with the text comes after it; half a surrogate pair is no character."""
    assert prefix_end(text) == end
