"""`vita status`: what follows from what is seen."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console, RenderableType

from deploy.local.services import Stack
from services.cli.output import print_json
from services.cli.status.health import (
    SERVICES,
    WORKERS,
    Component,
    DeadLetterCount,
    GenerationStatus,
    StackHealth,
    TopicExtent,
    progress,
    services,
    workers,
)
from services.cli.status.present import as_document, as_table
from services.cli.status.probe import is_gone
from services.ledger.repairs import SelfCheck
from tests.unit.cli.conftest import Vita

UP = Component("up", "there")
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def _beat(worker: str, pid: int = 1, **changes: Any) -> Mapping[str, Any]:
    beat = {
        "worker": worker, "pid": pid, "host": "h", "handled": 10, "rate": 2.5, "is_alive": True,
        "last_error": None, "last_error_at": None, "seen_seconds_ago": 0.4, "state": "up", "reason": None,
        "notice": None,
    }  # fmt: skip
    return beat | changes


def test_lag_is_what_the_log_still_holds() -> None:
    """Records that expired before they were read, and positions beyond the end, are no lag."""
    extent = TopicExtent(begins={0: 100, 1: 0, 2: 0}, ends={0: 150, 1: 10, 2: 5})
    found = progress({0: 40, 2: 9}, extent)
    assert found is not None
    assert (found.position, found.lag) == (49, 50 + 10)


def test_without_the_broker_there_is_a_position_and_no_lag() -> None:
    """What cannot be known is not invented."""
    found = progress({0: 7}, None)
    assert found is not None
    assert (found.position, found.lag) == (7, None)
    assert progress(None, TopicExtent({}, {})) is None


def test_a_worker_without_a_sign_of_life_is_down() -> None:
    """Dead and missing workers are shown as down, running ones with their numbers."""
    found = workers([_beat("projector", 7), _beat("auditor", 8, is_alive=False)], {})
    assert [(one.name, one.state, one.pid) for one in found] == [
        ("normalizer", "down", None), ("projector", "up", 7), ("auditor", "down", 8),
    ]  # fmt: skip
    assert found[2].rate == 0


def test_a_worker_says_why_it_makes_no_progress() -> None:
    """One that retries or was stuck is shown with its reason, and is not well."""
    found = workers(
        [
            _beat("normalizer", state="retrying", reason="kafka: no answer"),
            _beat("projector", is_alive=False, state="stuck", reason="no progress for 60 s"),
            _beat("auditor", is_alive=False, state="retrying", reason="database: OSError"),
        ],
        {},
    )
    assert [one.state for one in found] == ["retrying", "stuck", "down"]
    health = StackHealth(found, services([_beat(name) for name in SERVICES], {}), UP, UP)
    assert not health.ok
    assert as_document(health)["workers"][1]["reason"] == "no progress for 60 s"


def test_many_dead_letters_are_not_well() -> None:
    """They show by reason and age; more within a day than is allowed make the exit code 1."""
    at = datetime(2026, 11, 23, tzinfo=UTC)
    letters = [DeadLetterCount("not_json", 9, 2, at, at), DeadLetterCount("unmappable", 1, 1, at, at)]
    good = StackHealth(workers([_beat(name) for name in WORKERS], {}), [], UP, UP, letters, most_letters=3)
    assert good.ok
    assert not replace(good, most_letters=2).ok
    assert as_document(good)["dead_letters"][0] == {
        "reason": "not_json", "last_day": 2, "total": 9,
        "oldest": "2026-11-23T00:00:00.000Z", "newest": "2026-11-23T00:00:00.000Z",
    }  # fmt: skip


def test_rows_that_differ_are_not_well() -> None:
    """What differs is named by table and column, with the number of users and the command that mends it."""
    at = datetime(2026, 11, 23, tzinfo=UTC)
    good = StackHealth(workers([_beat(name) for name in WORKERS], {}), [], UP, UP, check=SelfCheck(7, at, {}))
    assert good.ok
    assert as_document(good)["self_check"] == {
        "people": 7, "last_at": "2026-11-23T00:00:00.000Z", "differences": {},
    }  # fmt: skip
    bad = replace(good, check=SelfCheck(7, at, {"search.email": 2}))
    assert not bad.ok
    shown = "".join(map(str, as_table(bad).renderables))
    assert "search.email of 2" in shown
    assert "vita repair --found" in shown


def test_a_process_known_to_have_ended_is_down_at_once() -> None:
    """A process of this machine that has ended is down before its heartbeat expires."""
    found = workers([_beat("projector", 7), _beat("auditor", 8)], {}, lambda host, pid: pid == 7)
    assert [(one.name, one.state) for one in found][1:] == [("projector", "down"), ("auditor", "up")]


def test_who_has_ended_on_this_machine() -> None:
    """A running process has not ended; a process that exited has, whether or not its parent read the exit
    code; the state of other machines is unknown."""
    here = socket.gethostname()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(here, ended.pid)
    ended.wait()
    assert is_gone(here, ended.pid)
    assert not is_gone("elsewhere", ended.pid)
    assert not is_gone(here, os.getpid())


def test_without_the_database_workers_are_unknown() -> None:
    """If the database does not respond, no worker is reported as down."""
    assert {one.state for one in workers(None, {})} == {"unknown"}
    assert {one.state for one in services(None, {})} == {"unknown"}


def test_a_service_is_what_it_answers() -> None:
    """The answer counts more than a sign of life, which names the process."""
    found = services([_beat("ingest", 5)], {"ingest": "degraded", "management": "up"})
    assert [(one.name, one.state, one.pid) for one in found] == [
        ("ingest", "degraded", 5), ("management", "up", None),
    ]  # fmt: skip


def test_health_is_good_when_everything_is_up() -> None:
    """One thing that is not up is enough."""
    good = StackHealth(
        workers([_beat(name) for name in WORKERS], {}),
        services([_beat(name) for name in SERVICES], {}),
        UP,
        UP,
    )
    assert good.ok
    assert not StackHealth(good.workers, good.services, Component("down", ""), UP).ok
    assert not StackHealth(good.workers, services([_beat("ingest")], {}), UP, UP).ok


def test_the_document_has_the_promised_names() -> None:
    """Scripts read workers[].name, pid, lag, position, rate, last_error, broker and database."""
    moment = datetime(2026, 11, 23, tzinfo=UTC)
    seen = [_beat("projector", last_error="Transient: kafka", last_error_at=moment)]
    known = {"projector": progress({0: 3}, TopicExtent({0: 0}, {0: 5}))}
    document = as_document(
        StackHealth(workers(seen, known), [], UP, Component("down", "x", error="nobody listens there"))
    )
    projector = document["workers"][1]
    assert {name: projector[name] for name in ("name", "pid", "lag", "position", "rate", "last_error")} == {
        "name": "projector", "pid": 1, "lag": 2, "position": 3, "rate": 2.5, "last_error": "Transient: kafka",
    }  # fmt: skip
    assert document["database"]["error"] == "nobody listens there"
    print_json(document)


def test_it_works_with_everything_down(vita: Vita, local: Stack) -> None:
    """No broker and no database: both are named, the exit code is 1, JSON stays pure."""
    ran = vita("status", "--json")
    assert ran.code == 1
    document = json.loads(ran.out)
    assert (document["broker"]["state"], document["database"]["state"]) == ("down", "down")
    assert [worker["name"] for worker in document["workers"]] == list(WORKERS)
    table = vita("status")
    assert table.code == 1
    assert "The database at" in table.out


def console_text(shown: RenderableType) -> str:
    """What a wide terminal shows."""
    console = Console(width=200)
    with console.capture() as captured:
        console.print(shown)
    return captured.get()


def _replaying(**changes: Any) -> GenerationStatus:
    given: dict[str, Any] = {
        "number": 2,
        "state": "building",
        "phase": "replay",
        "events_done": 250,
        "events_total": 1000,
        "created_at": NOW,
        "progress_at": NOW + timedelta(seconds=10),
    }
    return GenerationStatus(**{**given, **changes})


def test_the_remaining_time_of_a_replay() -> None:
    """It follows from the share of the events that took the time so far."""
    assert _replaying().remaining_seconds == 30
    assert _replaying(phase="index").remaining_seconds is None
    assert _replaying(events_done=0).remaining_seconds is None


def test_a_rebuild_is_shown_beside_the_live_views() -> None:
    """Progress stands in the table and in the document; a single generation needs no table."""
    live = _replaying(number=1, state="live", phase=None, events_done=0, events_total=None, progress_at=None)
    health = StackHealth([], [], UP, UP, generations=(_replaying(), live))
    shown = as_document(health)["generations"]
    assert [(one["number"], one["phase"], one["remaining_seconds"]) for one in shown] == [
        (2, "replay", 30),
        (1, None, None),
    ]
    printed = console_text(as_table(health))
    assert "generation 2" in printed
    assert "250 of 1,000" in printed
    assert "generation" not in console_text(as_table(StackHealth([], [], UP, UP, generations=(live,))))
