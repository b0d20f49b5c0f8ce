"""`vita history`, `vita explain` and `vita users show` against a scripted Management API."""

import json
from typing import Any

import pytest

from deploy.local.services import Stack
from tests.support.fake_vita import FakeVita
from tests.unit.cli.conftest import Vita

PATH = "/api/v2/users/auth0%7C1"


@pytest.fixture(autouse=True)
def stack(local: Stack) -> None:
    """Every test has a local stack."""


def event(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "position": f"3:{number}",
        "time": "2026-11-23T10:00:00.000Z",
        "summary": f"Event {number}",
        "changes": [
            {"attribute": "name", "before": "A", "after": "B"},
            {"attribute": "password", "hidden": True},
        ],
        **changes,
    }


def test_a_history_is_walked_to_its_end(vita: Vita, fake: FakeVita) -> None:
    """Page after page, oldest first, one JSON document per line; the filters travel with each page."""
    fake.answers(
        "GET", f"{PATH}/history", 200, {"events": [event(1), event(2)], "complete": True, "next": "abc"}
    )
    fake.answers("GET", f"{PATH}/history", 200, {"events": [event(3)], "complete": True})
    ran = vita("history", "auth0|1", "--type", "login.*", "--json")
    assert [json.loads(line)["position"] for line in ran.out.splitlines()] == ["3:1", "3:2", "3:3"]
    first, second = (one.path for one in fake.requests("GET", f"{PATH}/history"))
    assert "sort=time%3A1" in first
    assert "type=login.%2A" in second
    assert "from=abc" in second


def test_a_history_reads_as_a_timeline(vita: Vita, fake: FakeVita) -> None:
    """Time, place and words; whose event it is; values on demand; and no more events than asked for."""
    linked = event(2, linked="before", identity={"provider": "github", "user_id": 7})
    page = {"events": [event(1), linked, event(3)], "complete": True, "next": "abc"}
    fake.answers("GET", f"{PATH}/history", 200, page)
    ran = vita("history", "auth0|1", "--newest-first", "--limit", "2", "--changes")
    lines = ran.out.splitlines()
    assert lines[0] == "2026-11-23 10:00:00  3:1        Event 1"
    assert [line.split() for line in lines[1:3]] == [["name", "A", "→", "B"], ["password", "hidden"]]
    assert lines[3] == "2026-11-23 10:00:00  3:2        Event 2 [github|7, before it was linked]"
    assert "Event 3" not in ran.out
    assert len(fake.requests("GET", f"{PATH}/history")) == 1


def test_a_history_behind_the_log_says_so(vita: Vita, fake: FakeVita) -> None:
    """On stderr, so that JSON stays pure."""
    fake.answers("GET", f"{PATH}/history", 200, {"events": [], "complete": False})
    ran = vita("history", "auth0|1", "--json")
    assert (ran.code, ran.out) == (0, "")
    assert "the newest events are missing" in ran.err


def test_an_explanation_names_other_values(vita: Vita, fake: FakeVita) -> None:
    """Value, source, claim and position, and below it what was not chosen, with the reason."""
    other = {"value": "J. Doe", "by": "connection:github", "rule": "primary_identity", "reason": "Because."}
    name = {
        "attribute": "name", "value": "Jane", "by": "connection:google", "claim": "displayName",
        "time": "2026-11-23T10:00:00.000Z", "position": "3:1", "alternatives": [other],
    }  # fmt: skip
    fake.answers("GET", f"{PATH}/provenance", 200, {"user_id": "auth0|1", "attributes": [name]})
    ran = vita("explain", "auth0|1", "name", "--as-of", "3:1")
    for text in (
        "Jane",
        "connection:google",
        "displayName",
        "3:1",
        "J. Doe",
        "connection:github",
        "Because.",
    ):
        assert text in ran.out
    (request,) = fake.requests("GET", f"{PATH}/provenance")
    assert request.path.endswith("?as_of=3%3A1&attributes=name")


def test_an_absent_attribute_has_no_explanation(vita: Vita, fake: FakeVita) -> None:
    """The command fails and says how to list all."""
    fake.answers("GET", f"{PATH}/provenance", 200, {"user_id": "auth0|1", "attributes": []})
    ran = vita("explain", "auth0|1", "shoe_size")
    assert ran.code == 1
    assert "vita explain USER" in ran.err


def test_a_user_is_shown_as_of_a_moment(vita: Vita, fake: FakeVita) -> None:
    """The moment travels in the request; JSON is the document."""
    fake.answers("GET", PATH, 200, {"user_id": "auth0|1"})
    assert json.loads(vita("users", "show", "auth0|1", "--as-of", "3:7", "--json").out) == {
        "user_id": "auth0|1"
    }
    assert fake.requests("GET", PATH)[0].path.endswith("?as_of=3%3A7")


def test_two_moments_are_compared(vita: Vita, fake: FakeVita) -> None:
    """Each attribute that differs, before and after; nothing for equal documents; not together with
    --as-of."""
    for document in (
        {"name": "A", "user_metadata": {"n": 1}},
        {"name": "B", "user_metadata": {"n": 1, "m": 2}},
    ):
        fake.answers("GET", PATH, 200, document)
    ran = vita("users", "show", "auth0|1", "--diff", "3:1", "3:7", "--json")
    assert json.loads(ran.out)["changes"] == [
        {"attribute": "name", "before": "A", "after": "B"},
        {"attribute": "user_metadata", "key": "m", "after": 2},
    ]
    assert "Nothing changed" in vita("users", "show", "auth0|1", "--diff", "3:7", "3:8").out
    assert vita("users", "show", "auth0|1", "--as-of", "3:1", "--diff", "3:1", "3:7").code == 2
