"""Times in queries: RFC 3339 allows a lower-case `t` and `z`, in quotes or not."""

import pytest

from services.queries.search.syntax.tokens import tokens
from services.queries.search.syntax.values import is_partly_dated, period

TIMES = [
    "2026-11-23T10",
    "2026-11-23T10:00",
    "2026-11-23T10:00Z",
    "2026-11-23T10:00:01Z",
    "2026-11-23T10:00:01.250Z",
    "2026-11-23T10:00:01+02:00",
    "2026-11-23T10:00:01-0200",
]


@pytest.mark.parametrize("time", TIMES)
def test_letters_of_a_time_may_be_small(time: str) -> None:
    """The query has the tokens of the time in capitals, alone, in a range and before a bracket."""
    for form in ("date:{}", "date:[{} TO *]", "(date:{})", 'date:{} AND type:"s"'):
        upper, lower = (
            [(token.type, str(token.value)) for token in tokens(form.format(text))]
            for text in (time, time.lower())
        )
        assert [(kind, text.lower()) for kind, text in upper] == [
            (kind, text.lower()) for kind, text in lower
        ]
    assert period(time.lower()) == period(time) is not None
    assert is_partly_dated(time.lower()) == is_partly_dated(time)
