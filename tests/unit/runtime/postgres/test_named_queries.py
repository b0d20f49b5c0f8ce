"""Named queries: the placeholders of a statement are filled or refused, never silently left."""

import pytest

from services.queries.logs.pages import OLDEST_FIRST, PageQuery
from services.runtime.postgres.named_queries import fill, load

STATEMENT = "SELECT a FROM t WHERE /*{conditions*/ true /*conditions}*/ ORDER BY /*{order*/ a /*order}*/;"


def test_a_placeholder_takes_the_given_part() -> None:
    """The others keep their defaults."""
    filled = fill(STATEMENT, conditions="a > $1")
    assert filled == "SELECT a FROM t WHERE a > $1 ORDER BY /*{order*/ a /*order}*/;"


def test_a_placeholder_that_is_missing_is_an_error() -> None:
    """A statement whose text has changed cannot lose a caller's condition."""
    with pytest.raises(ValueError, match="conditions is there 0 times"):
        fill("SELECT a FROM t WHERE true", conditions="a > $1")
    with pytest.raises(ValueError, match="conditions is there 0 times"):
        fill(STATEMENT.replace("/*conditions}*/", "/* conditions}*/"), conditions="a > $1")


def test_a_placeholder_that_is_there_twice_is_an_error() -> None:
    """It would be unclear which one is meant."""
    with pytest.raises(ValueError, match="conditions is there 2 times"):
        fill(f"{STATEMENT} {STATEMENT}", conditions="a > $1")


def test_a_part_is_inserted_unchanged() -> None:
    """Backslashes and things that look like placeholders in it mean nothing."""
    part = r"a LIKE '\1\g<0>' /*{order*/ b /*order}*/"
    assert part in fill(STATEMENT, conditions=part)


def test_a_page_of_log_entries_keeps_its_conditions_and_order() -> None:
    """Both are in the statement that runs, beside the tenant's own condition."""
    page = PageQuery("demo", 10, order=OLDEST_FIRST)
    page.where(f"e.user_id = {page.add('auth0|1')}")
    page.where(f"e.type = {page.add('s')}")
    assert "e.tenant = $1 AND e.log_id >= $2 AND e.user_id = $5 AND e.type = $6\n" in page.statement
    assert page.statement.count("ORDER BY e.log_id ASC") == 2
    assert load("services.queries.logs", "pages.sql")["log_page"].count("/*{") == 3
