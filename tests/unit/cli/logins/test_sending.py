"""`vita logins send` against a scripted ingest."""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.local.services import Stack
from services.cli.logins import sending
from services.cli.logins.sending import BATCH_BYTES, BATCH_LINES, Line, Summary, batches, within_limit
from tests.support.fake_vita import FakeVita
from tests.unit.cli.conftest import Vita

LOGINS = "/ingest/v1/logins"


@pytest.fixture(autouse=True)
def stack(local: Stack, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every test has a local stack; pauses are written down instead of slept."""
    pauses: list[float] = []
    monkeypatch.setattr(sending.time, "sleep", pauses.append)
    return pauses


def _answer(*statuses: str) -> dict[str, Any]:
    results: list[dict[str, Any]] = [{"id": None, "status": status} for status in statuses]
    for result in results:
        if result["status"] == "rejected":
            result |= {
                "id": "e2",
                "reason": "contract",
                "detail": "'Missing required property: connection' on property data",
            }
    return {
        "accepted": statuses.count("accepted"),
        "rejected": statuses.count("rejected"),
        "results": results,
    }


def test_all_accepted(vita: Vita, fake: FakeVita, tmp_path: Path) -> None:
    """A file of good lines ends with exit code 0 and a count; blank lines are no events."""
    fake.answers("POST", LOGINS, 202, _answer("accepted", "accepted"))
    file = tmp_path / "logins.ndjson"
    file.write_bytes(b'\xef\xbb\xbf{"a":1}\n\n  \r\n{"b":2}')
    ran = vita("logins", "send", str(file))
    assert ran.code == 0
    assert "2 accepted, 0 rejected" in ran.out
    (request,) = fake.requests("POST", LOGINS)
    assert request.body == b'{"a":1}\n{"b":2}'
    assert request.headers["content-type"] == "application/x-ndjson"


def test_rejected_lines_are_named(vita: Vita, fake: FakeVita) -> None:
    """A rejected event is shown with its line number and ingest's reason; the exit code is 1."""
    fake.answers("POST", LOGINS, 202, _answer("accepted", "rejected"))
    ran = vita("logins", "send", "-", stdin='{"a":1}\n\n{"b":2}\n')
    assert ran.code == 1
    assert "line 3: contract: 'Missing required property: connection' on property data" in ran.out


def test_warnings_are_shown_once(vita: Vita, fake: FakeVita) -> None:
    """What ingest ignores is named with the first line that has it; the exit code stays 0."""
    answer = _answer("accepted", "accepted")
    for result in answer["results"]:
        result["warnings"] = ["Vita does not know data.sesion_id and ignores it."]
    fake.answers("POST", LOGINS, 202, answer)
    ran = vita("logins", "send", "-", stdin='{"a":1}\n\n{"b":2}\n')
    assert ran.code == 0
    assert ran.out.count("data.sesion_id") == 1
    assert "warning, first at line 1: Vita does not know data.sesion_id and ignores it." in ran.out


def test_json_is_the_whole_result(vita: Vita, fake: FakeVita) -> None:
    """Programs get every refusal; a body in which nothing was acceptable is a result too."""
    fake.answers("POST", LOGINS, 400, {"statusCode": 400, "message": "No event", **_answer("rejected")})
    ran = vita("logins", "send", "-", "--json", stdin="{}\n")
    assert ran.code == 1
    document = json.loads(ran.out)
    assert (document["accepted"], document["rejected"]) == (0, 1)
    assert document["rejections"] == [
        {
            "line": 1,
            "id": "e2",
            "reason": "contract",
            "detail": "'Missing required property: connection' on property data",
        }
    ]


def test_what_was_not_confirmed_is_sent_again(vita: Vita, fake: FakeVita, stack: list[float]) -> None:
    """429 and 503 are waited out as long as they ask; lines already accepted are not repeated."""
    fake.answers("POST", LOGINS, 429, {"message": "Global limit has been reached"}, retry_after="3")
    fake.answers("POST", LOGINS, 503, _answer("accepted", "retry"), retry_after="2")
    fake.answers("POST", LOGINS, 202, _answer("accepted"))
    ran = vita("logins", "send", "-", stdin='{"a":1}\n{"b":2}\n')
    assert ran.code == 0
    assert [request.body for request in fake.requests("POST", LOGINS)] == [
        b'{"a":1}\n{"b":2}',
        b'{"a":1}\n{"b":2}',
        b'{"b":2}',
    ]
    assert stack == [3, 2]


def test_patience_ends(vita: Vita, fake: FakeVita, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ingest that never takes anything is given up, with how far it came."""
    monkeypatch.setattr(sending, "PATIENCE_SECONDS", -1.0)
    fake.answers("POST", LOGINS, 503, {"message": "away"})
    ran = vita("logins", "send", "-", stdin="{}\n")
    assert ran.code == 1
    assert "after 0 logins" in ran.err


def test_a_refused_request_shows_ingests_message(vita: Vita, fake: FakeVita) -> None:
    """A token without the scope is reported with ingest's message."""
    error = {"statusCode": 403, "message": "Insufficient scope, expected any of: publish:logins"}
    fake.answers("POST", LOGINS, 403, error)
    ran = vita("logins", "send", "-", stdin="{}\n")
    assert ran.code == 1
    assert "publish:logins" in ran.err


def test_no_file(vita: Vita) -> None:
    """A file that is not there is a failure with a way out."""
    ran = vita("logins", "send", "nosuch.ndjson")
    assert ran.code == 1
    assert "nosuch.ndjson" in ran.err


def test_an_unreachable_ingest_is_reported_at_once(vita: Vita, local: Stack) -> None:
    """An ingest that was never reached is reported without retries."""
    arguments = ("--ingest-url", "http://127.0.0.1:1", "--token", "a.b.c")
    ran = vita("logins", "send", "-", *arguments, stdin="{}\n")
    assert ran.code == 1
    assert "does not answer" in ran.err


def test_batches_keep_order_and_limits() -> None:
    """No batch is larger than a request may be, and no line is lost or moved."""
    lines = [b"x" * (1_500_000 if number % 3 == 0 else 10) for number in range(2 * BATCH_LINES)]
    cut = list(batches(lines))
    assert [line.number for batch in cut for line in batch] == list(range(1, len(lines) + 1))
    assert max(len(batch) for batch in cut) <= BATCH_LINES
    assert max(sum(len(line.text) for line in batch) for batch in cut) <= BATCH_BYTES


def test_a_line_beyond_every_request_is_refused_here() -> None:
    """One giant line does not take its neighbours with it."""
    summary = Summary()
    small, giant = Line(1, b"{}"), Line(2, b"x" * (BATCH_BYTES + 1))
    assert within_limit([small, giant], summary) == [small]
    assert [(one["line"], one["reason"]) for one in summary.rejections] == [(2, "too_large")]
