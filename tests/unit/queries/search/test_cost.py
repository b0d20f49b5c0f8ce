"""Queries that would cost the database too much are refused by their cost, in users and logs alike."""

import pytest

from services.management.http.errors import error_response
from services.management.logs.routes import condition_of
from services.management.users.list_users import search_of
from services.management.users.models import ListUsers
from services.queries.logs.pages import PageQuery
from services.queries.search.syntax.tokens import MOST_CLAUSES
from services.runtime.rejection import Rejected

ALLOWED = {
    "terms": " OR ".join(f"type:t{number}" for number in range(MOST_CLAUSES)),
    "negations": " AND ".join(f"NOT type:t{number}" for number in range(128)),
    "negations of negations": "NOT (" + " OR ".join(f"NOT type:t{number}" for number in range(128)) + ")",
    "infixes": " OR ".join(f"type:*abc{number}*" for number in range(256)),
}
REFUSED = {
    "negations": " AND ".join(f"NOT type:t{number}" for number in range(129)),
    "a negated group": "NOT (" + " OR ".join(f"type:t{number}" for number in range(129)) + ")",
    "infixes": " OR ".join(f"type:*abc{number}*" for number in range(257)),
    "negated infixes": " AND ".join(f"NOT type:*abc{number}*" for number in range(33)),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_affordable_queries(name: str) -> None:
    """Up to the limit of each kind."""
    search_of(ListUsers(q=ALLOWED[name]))
    condition_of(ALLOWED[name], PageQuery("demo", 1))


@pytest.mark.parametrize("name", REFUSED)
def test_queries_that_cost_too_much(name: str) -> None:
    """400 in the documented shape, which says how cost is counted."""
    with pytest.raises(Rejected) as of_users:
        search_of(ListUsers(q=REFUSED[name]))
    with pytest.raises(Rejected) as of_logs:
        condition_of(REFUSED[name], PageQuery("demo", 1))
    for refused in (of_users, of_logs):
        refusal = error_response(refused.value.rejection)
        assert (refusal.status, refusal.error_code) == (400, "invalid_query_string")
        assert "maximum 1024: each term counts 1" in refusal.message
