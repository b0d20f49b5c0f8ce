"""The command line on a real stack: `vita up` starts every service, every other command talks to them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import pytest
import pytest_asyncio

from schemas.topics import Topic
from tests.support.patience import A_WHILE
from tests.support.stack import Stack
from tests.worlds.pipeline import producing

LOGIN = {
    "specversion": "1.0",
    "id": "one",
    "source": "/gateways/test",
    "type": "vita.login.v1",
    "data": {
        "connection": "google-oauth2",
        "strategy": "google-oauth2",
        "outcome": "success",
        "claims": {"sub": "115015401343387192604", "email": "jane@example.com", "name": "Jane Doe"},
        "ip": "203.0.113.9",
    },
}
ALTER = """
    UPDATE trail.leaf SET hash = set_byte(hash, 0, get_byte(hash, 0) # 1)
    WHERE partition = $1 AND leaf_index = $2
"""
JANE = "google-oauth2|115015401343387192604"


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What --json printed."""
        assert self.out, self.err
        return json.loads(self.out)


@dataclass(frozen=True)
class Vita:
    """The command line with its own state folder, database and topics."""

    env: dict[str, str]
    admin_url: str

    def __call__(self, *arguments: str, stdin: str = "", **more: str) -> Ran:
        """Runs a command to its end."""
        argv = [sys.executable, "-m", "services.cli", *arguments]
        done = subprocess.run(
            argv,
            env={**self.env, **more},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=4 * A_WHILE,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def vita(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Vita]:
    """A stack that `vita up` started, cleaned away at the end."""
    database, prefix = stack.unprepared(), await stack.topics()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("VITA_")}
    command = Vita(
        inherited
        | {
            "VITA_STATE_DIR": str(tmp_path_factory.mktemp("stack") / ".vita"),
            **stack.kafka.environment(),
            "VITA_POSTGRES_ADMIN_URL": stack.admin_url,
            "VITA_DATABASE_NAME": database.name,
            "VITA_TOPIC_PREFIX": prefix,
        },
        database.admin,
    )
    try:
        started = command("up", "--no-demo")
        assert started.code == 0, started.err
        yield command
    finally:
        command("clean")


async def _all_audited(stack: Stack, vita: Vita) -> list[dict[str, Any]]:
    """Return the workers once none of them lags."""

    def caught_up() -> list[dict[str, Any]] | None:
        workers = vita("status", "--json").document["workers"]
        return workers if all(worker["lag"] == 0 for worker in workers) else None

    found: list[dict[str, Any]] = await stack.until(caught_up)
    return found


async def test_status_shows_three_workers_at_work(stack: Stack, vita: Vita) -> None:
    """After `vita up` every worker is up with lag 0, and everything else is up as well."""
    workers = await _all_audited(stack, vita)
    assert [(worker["name"], worker["state"]) for worker in workers] == [
        ("normalizer", "up"), ("projector", "up"), ("auditor", "up"),
    ]  # fmt: skip
    await stack.until(lambda: vita("status").code == 0)
    # The stack remembers how its topics are called.
    await stack.until(lambda: vita("status", VITA_TOPIC_PREFIX="").code == 0)


async def test_a_second_up_keeps_what_runs(vita: Vita) -> None:
    """Running processes and the client are kept, and no question is asked."""
    before = {one["name"]: one["pid"] for one in vita("status", "--json").document["workers"]}
    client = vita("env", "--json").document["VITA_CLIENT_ID"]
    assert vita("up", "--no-demo").code == 0
    assert {one["name"]: one["pid"] for one in vita("status", "--json").document["workers"]} == before
    assert vita("env", "--json").document["VITA_CLIENT_ID"] == client
    assert [one["client_id"] for one in vita("clients", "list", "--json").document] == [client]


async def test_a_login_becomes_a_user(stack: Stack, vita: Vita) -> None:
    """A line sent to ingest is a profile shortly after; a bad line is named and does not stop it."""
    ran = vita("logins", "send", "-", stdin=json.dumps(LOGIN) + "\nnonsense\n")
    assert ran.code == 1
    assert "line 2: not_json" in ran.out
    user = await stack.until(lambda: (got := vita("users", "get", JANE, "--json")).code == 0 and got.document)
    assert (user["email"], user["logins_count"]) == ("jane@example.com", 1)
    assert JANE in vita("users", "list").out
    repaired = vita("repair", JANE, "--json")
    assert (repaired.code, repaired.document[0]["state"], repaired.document[0]["mended"]) == (
        0,
        "repaired",
        [],
    )
    assert "no difference" in vita("repair", "--found").out
    assert vita("repair").code == 2
    assert "no such user" in vita("repair", "auth0|nobody").err
    assert vita("status", "--json").document["self_check"]["differences"] == {}


async def test_a_user_is_made_changed_blocked_and_deleted(vita: Vita) -> None:
    """One user's whole life through the command line; a stale revision loses."""
    scripts = vita("env", "--json").document
    async with httpx.AsyncClient(base_url=scripts["VITA_MANAGEMENT_URL"], trust_env=False) as api:
        headers = {"authorization": f"Bearer {scripts['VITA_TOKEN']}"}
        body = {"name": "customers", "strategy": "auth0"}
        assert (await api.post("/api/v2/connections", json=body, headers=headers)).status_code == 201
    made = vita(
        "users", "create", "--connection", "customers", "--email", "ada@example.com", "--password", "-",
        "--json", stdin="correct horse 9 Battery\n",
    )  # fmt: skip
    assert made.code == 0, made.err
    user_id = made.document["user_id"]
    assert vita("users", "update", user_id, "--set", "name=Ada", "--if-match", "1").code == 0
    stale = vita("users", "update", user_id, "--set", "name=Eve", "--if-match", "1")
    assert (stale.code, "412" in stale.err) == (1, True)
    assert vita("users", "block", user_id, "--json").document["blocked"] is True
    assert vita("users", "unblock", user_id, "--json").document.get("blocked") is not True
    assert vita("users", "get", "ada@example.com", "--json").document["name"] == "Ada"
    before = datetime.now(UTC).isoformat()
    vita("users", "update", user_id, "--set", "name=Eve", "--app-metadata", '{"plan": "gold"}')
    change = {"name": {"now": "Eve", "then": "Ada"}, "app_metadata.plan": {"now": "gold", "then": None}}
    dry = vita("users", "revert", user_id, "--to", before, "--dry-run", "--json")
    assert (dry.code, dry.document["changes"], dry.document["reverted"]) == (0, change, False), dry.err
    assert vita("users", "get", user_id, "--json").document["name"] == "Eve"
    assert vita("users", "revert", user_id, "--to", before, "--attribute", "name").code == 0
    again = vita("users", "get", user_id, "--json").document
    assert (again["name"], again["app_metadata"]) == ("Ada", {"plan": "gold"})
    assert vita("users", "revert", user_id, "--to", before).code == 0
    assert "app_metadata" not in vita("users", "get", user_id, "--json").document
    assert "Nothing differs" in vita("users", "revert", user_id, "--to", before).out
    assert "did not exist" in vita("users", "revert", user_id, "--to", "2020-01-01T00:00:00Z").err
    assert vita("users", "delete", user_id, "--yes").code == 0
    assert vita("users", "get", user_id).code == 1
    assert "vita users restore" in vita("users", "revert", user_id, "--to", before).err
    assert vita("users", "restore", user_id, "--json").document["name"] == "Ada"


async def test_the_past_of_a_user_is_told(vita: Vita) -> None:
    """The history of a deleted user, the user as of each event, what changed between two of them, and why."""
    made = vita(
        "users", "create", "--connection", "customers", "--email", "bea@example.com", "--password", "-",
        "--json", stdin="correct horse 9 Battery\n",
    )  # fmt: skip
    user_id = made.document["user_id"]
    renamed = vita("users", "update", user_id, "--set", "name=Bea", "--json").document
    reasons = vita("explain", user_id, "name", "--json").document["attributes"]
    assert [(one["value"], one["claim"]) for one in reasons] == [("Bea", "edit")]
    assert "bea@example.com" in vita("explain", user_id).out
    assert vita("users", "delete", user_id, "--yes").code == 0
    events = [json.loads(line) for line in vita("history", user_id, "--json").out.splitlines()]
    assert [one["type"].removeprefix("profile.") for one in events] == [
        "user.created", "attributes.changed", "user.deleted",
    ]  # fmt: skip
    assert 'name changed from "bea@example.com" to "Bea"' in vita("history", user_id).out
    first, second, last = (one["position"] for one in events)
    assert vita("users", "show", user_id, "--as-of", first, "--json").document == made.document
    assert vita("users", "show", user_id, "--as-of", second, "--json").document == renamed
    gone = vita("users", "show", user_id, "--as-of", last)
    assert (gone.code, "had been deleted" in gone.err) == (1, True)
    changed = vita("users", "show", user_id, "--diff", first, second, "--json").document["changes"]
    assert {one["attribute"] for one in changed} == {"name", "updated_at"}


async def test_every_value_of_the_demo_is_explained(vita: Vita) -> None:
    """Each attribute of each demo person has its value, an event, a time and who gave it; the past up to now
    is the present."""
    shown = vita("demo", "--size", "100")
    assert shown.code == 0, shown.err
    scripts = vita("env", "--json").document
    headers = {"authorization": f"Bearer {scripts['VITA_TOKEN']}"}
    async with httpx.AsyncClient(
        base_url=scripts["VITA_MANAGEMENT_URL"], headers=headers, trust_env=False, timeout=A_WHILE
    ) as api:
        users = (await api.get("/api/v2/users", params={"per_page": 100})).json()
        assert len(users) == 100
        for user in users:
            for identity in user["identities"]:
                identity.pop("access_token", None)
                identity.pop("refresh_token", None)
                identity.pop("access_token_secret", None)
            path = f"/api/v2/users/{quote(user['user_id'], safe='')}"
            found = (await api.get(f"{path}/provenance")).json()["attributes"]
            assert {one["attribute"]: one["value"] for one in found} == user
            assert all(one["event"] and one["time"] and one["by"] for one in found)
            past = await api.get(path, params={"as_of": datetime.now(UTC).isoformat()})
            assert past.content == (await api.get(path)).content


async def test_the_log_stays_sealed_without_the_scope(vita: Vita) -> None:
    """`vita tail` shows no personal data and says that nothing of it is verified; `--open` needs read:events,
    and then shows and verifies it."""
    arguments = ("tail", "--from-beginning", "--no-follow", "--json", "--type", "login.*")
    sealed = vita(*arguments)
    assert "jane@example.com" not in sealed.out
    assert "Events are not verified without --open" in sealed.err
    assert not any(json.loads(line)["verified"] for line in sealed.out.splitlines())
    made = vita("clients", "create", "--tenant", "demo", "--scope", "read:users", "--json")
    assert made.code == 0, made.err
    poor = {
        "VITA_CLIENT_ID": made.document["client_id"],
        "VITA_CLIENT_SECRET": made.document["client_secret"],
    }
    refused = vita(*arguments, "--open", **poor)
    assert (refused.code, refused.out) == (1, "")
    assert "read:events" in refused.err
    opened = [json.loads(line) for line in vita(*arguments, "--open").out.splitlines()]
    assert "jane@example.com" in str(opened)
    assert all(":" in event["position"] and event["verified"] for event in opened)


async def test_what_if_shows_and_keeps_differences(vita: Vita, tmp_path: Path) -> None:
    """The differences are counted and written to a private file, masked unless values are asked for; the
    token needs read:events. A file is never overwritten."""
    mapping, masked, plain = (tmp_path / name for name in ("mapping.json", "masked", "plain"))
    mapping.write_text('{"fieldsMap": {"name": "email"}}')
    question = ("whatif", "--connection", "google-oauth2", "--mapping", str(mapping), "--all", "--output")
    ran = vita(*question, str(masked), "--json")
    assert ran.code == 0, ran.err
    people = ran.document["people"]
    assert ran.document["people_changed"] == people >= 1
    assert 1 <= ran.document["attributes"]["name"]["changed"] <= people
    assert masked.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in masked.read_text().splitlines()]
    masked_name = {"before": "text of 8 characters", "after": "text of 16 characters"}
    assert len(lines) == people
    assert masked_name in [line["changes"].get("name") for line in lines]
    assert "jane" not in (ran.out + masked.read_text()).lower()
    shown = vita(*question, str(plain), "--show-values")
    assert f"{people} of {people} people would change (100.0%)" in shown.out
    found = map(json.loads, plain.read_text().splitlines())
    changes = {one.get("user_id"): one["changes"] for one in found}
    assert changes[JANE]["name"] == {"before": "Jane Doe", "after": "jane@example.com"}
    again = vita(*question, str(plain))
    assert (again.code, "exists already" in again.err) == (1, True)
    unchanged = vita("whatif", "--upgrade", "--output", str(tmp_path / "upgrade"), "--json")
    assert unchanged.document["people_changed"] == 0
    assert unchanged.document["logins"].keys() == {"unchanged"}
    unknown = vita("whatif", "-c", "nosuch", "--mapping", str(mapping), "--output", str(tmp_path / "none"))
    assert (unknown.code, "google-oauth2" in unknown.err) == (1, True)
    assert not (tmp_path / "none").exists()
    made = vita("clients", "create", "--tenant", "demo", "--scope", "read:users", "--json").document
    poor = {"VITA_CLIENT_ID": made["client_id"], "VITA_CLIENT_SECRET": made["client_secret"]}
    refused = vita(*question, str(tmp_path / "refused"), **poor)
    assert (refused.code, "read:events" in refused.err, refused.out) == (1, True, "")


async def test_dead_letters_are_seen_and_opened(stack: Stack, vita: Vita) -> None:
    """A record that cannot be processed shows in `vita status` and `vita dlq list`, and opens only for a
    token with the scope; who opened it is noted."""
    assert vita("dlq", "list").out.startswith("There are no dead letters")
    topic = vita.env["VITA_TOPIC_PREFIX"] + Topic.LOGINS_RAW
    async with producing(stack.kafka) as producer:
        await producer.send_and_wait(topic, b"jane@example.com is no login", b"k", 5, None, [("null", None)])
    await stack.until(lambda: vita("status", "--json").document["dead_letters"])
    strict = vita("status", "--most-dead-letters", "0")
    assert (strict.code, "vita dlq list" in strict.out) == (1, True)
    assert vita("status").code == 0
    (row,) = vita("dlq", "list", "--json").document
    place = f"{topic}/5/{row['offset']}"
    assert (row["topic"], row["partition"], row["tenant"]) == (topic, 5, None)
    assert place in vita("dlq", "list").out
    assert "jane" not in vita("dlq", "list").out
    made = vita("clients", "create", "--tenant", "demo", "--scope", "read:events", "--json").document
    poor = {"VITA_CLIENT_ID": made["client_id"], "VITA_CLIENT_SECRET": made["client_secret"]}
    refused = vita("dlq", "show", place, **poor)
    assert (refused.code, "read:dead_letters" in refused.err, refused.out) == (1, True, "")
    opened = vita("dlq", "show", place, "--json").document
    assert (opened["value"], opened["key"]) == ("jane@example.com is no login", "k")
    assert opened["headers"] == [["null", None]]
    assert (opened["reason"], opened["why"]) == ("not_json", "The record is not JSON.")
    assert vita("dlq", "list", "--json").document[0]["opened_by"].startswith("demo/")
    assert "jane@example.com is no login" in vita("dlq", "show", place).out
    ledger = await asyncpg.connect(vita.admin_url)
    await ledger.execute("UPDATE ledger.subject_key SET profile = NULL WHERE tenant = 'system'")
    await ledger.close()
    erased = vita("dlq", "show", place)
    assert (erased.code, "nobody can read the record" in erased.err, erased.out) == (1, True, "")
    for wrong in ("nonsense", f"{topic}/5/999999"):
        assert "vita dlq list" in vita("dlq", "show", wrong).err


async def test_dead_letters_are_replayed_and_dropped(stack: Stack, vita: Vita) -> None:
    """A record that is refused still stays, with exit code 1; a dropped one is listed on request only. Both
    need the scope."""
    topic = vita.env["VITA_TOPIC_PREFIX"] + Topic.LOGINS_RAW
    async with producing(stack.kafka) as producer:
        sent = await producer.send_and_wait(topic, b"no login", b"k", 6)
    place = f"{topic}/6/{sent.offset}"
    await stack.until(lambda: place in vita("dlq", "list").out)
    made = vita("clients", "create", "--tenant", "demo", "--scope", "read:dead_letters", "--json").document
    poor = {"VITA_CLIENT_ID": made["client_id"], "VITA_CLIENT_SECRET": made["client_secret"]}
    refused = vita("dlq", "replay", place, **poor)
    assert (refused.code, "update:dead_letters" in refused.err) == (1, True)
    replayed = vita("dlq", "replay", place, "--json")
    assert (replayed.code, replayed.document[0]["outcome"]) == (1, "refused")
    assert place in vita("dlq", "list").out
    assert "--yes" in vita("dlq", "drop", place).err
    assert vita("dlq", "drop", place, "--yes").out.startswith("1 dead letters are dropped")
    assert place not in vita("dlq", "list").out
    assert place in vita("dlq", "list", "--settled").out
    assert "no unsettled dead letter" in vita("dlq", "replay", place).err
    assert vita("dlq", "replay").code == 2


async def test_tenants_see_only_their_own(vita: Vita) -> None:
    """A second tenant's client sees no users and opens no events of the first; its secret is shown once."""
    assert vita("tenants", "create", "acme", "--display-name", "Acme Inc.").code == 0
    assert vita("tenants", "create", "acme").code == 1
    made = vita("clients", "create", "--tenant", "acme", "--scope", "all-demo", "--json").document
    acme = {"VITA_CLIENT_ID": made["client_id"], "VITA_CLIENT_SECRET": made["client_secret"]}
    assert vita("users", "list", "--json", **acme).document["total"] == 0
    shown = vita("tail", "--from-beginning", "--no-follow", "--open", "--json", **acme)
    assert shown.code == 0, shown.err
    assert "jane@example.com" not in shown.out
    listed = vita("clients", "list", "--tenant", "acme")
    assert made["client_id"] in listed.out
    assert made["client_secret"] not in listed.out + shown.out
    assert vita("clients", "create", "--tenant", "nosuch", "--scope", "read:users").code == 1


async def test_a_killed_worker_is_shown_and_started_again(stack: Stack, vita: Vita) -> None:
    """A projector killed after the supervisor is named by status, the others work on, `vita up` brings both
    back, the projector catches up."""
    document = vita("status", "--json").document
    killed = next(one for one in document["workers"] if one["name"] == "projector")
    os.kill(document["supervisor"]["pid"], signal.SIGKILL)
    os.kill(killed["pid"], signal.SIGKILL)

    def seen() -> Any:
        workers = vita("status", "--json").document["workers"]
        return {one["name"]: one["state"] for one in workers} == {
            "normalizer": "up", "projector": "down", "auditor": "up",
        }  # fmt: skip

    await stack.until(seen)
    shown = vita("status")
    assert shown.code == 1
    assert "projector" in shown.out
    assert "The supervisor is down" in shown.out
    assert vita("logins", "send", "-", stdin=json.dumps(LOGIN | {"id": "two"})).code == 0
    assert vita("up", "--no-demo").code == 0
    await stack.until(lambda: vita("users", "get", JANE, "--json").document["logins_count"] == 2)
    await stack.until(lambda: vita("status").code == 0)
    assert vita("status", "--json").document["supervisor"]["state"] == "up"


async def test_the_audit_names_an_altered_row(stack: Stack, vita: Vita) -> None:
    """The trail verifies; once a superuser has altered one byte of a leaf, the command names the leaf."""
    await _all_audited(stack, vita)
    good = vita("audit", "verify")
    assert good.code == 0, good.out + good.err
    connection = await asyncpg.connect(vita.admin_url)
    try:
        row = await connection.fetchrow("SELECT partition, leaf_index FROM trail.leaf ORDER BY 1, 2 LIMIT 1")
        await connection.execute(ALTER, *row)
        try:
            bad = vita("audit", "verify", "--json")
            assert bad.code == 1
            difference = bad.document["differences"][0]
            assert (difference["table"], difference["column"]) == ("trail.leaf", "hash")
            assert difference["place"]["leaf_index"] == row["leaf_index"]
            assert "trail.leaf at partition" in vita("audit", "verify").out
        finally:
            await connection.execute(ALTER, *row)
    finally:
        await connection.close()
    assert vita("audit", "verify").code == 0


async def test_the_audit_key_is_public(vita: Vita, tmp_path: Path) -> None:
    """What is handed to outside auditors verifies the trail and holds no private key."""
    pem = vita("audit", "key").out
    assert "PRIVATE" not in pem
    (tmp_path / "keys.pem").write_text(pem)
    assert vita("audit", "verify", "--trust", f"file:{tmp_path / 'keys.pem'}").code == 0


async def test_logs_are_at_hand(vita: Vita) -> None:
    """`vita logs` shows each service's log by name, without personal data."""
    ran = vita("logs", "normalizer")
    assert ran.code == 0
    assert "jane@example.com" not in vita("logs", "-n", "100000").out


def _pids(vita: Vita) -> dict[str, int | None]:
    document = vita("status", "--json").document
    return {one["name"]: one["pid"] for one in (*document["workers"], *document["services"])}


async def test_a_killed_service_comes_back_by_itself(stack: Stack, vita: Vita) -> None:
    """A worker and an HTTP service that are killed are up again without a command, and status says so."""
    before = _pids(vita)
    for name in ("projector", "ingest"):
        os.kill(before[name] or 0, signal.SIGKILL)
    killed = {before["projector"], before["ingest"]}
    await stack.until(lambda: not killed & set(_pids(vita).values()) and vita("status").code == 0, timeout=60)
    document = vita("status", "--json").document
    restarts = {one["name"]: one["restarts"] for one in document["supervisor"]["processes"]}
    assert (restarts["projector"], restarts["ingest"], restarts["auditor"]) == (1, 1, 0)
    assert "projector was started again once" in vita("status").out
    assert _pids(vita)["auditor"] == before["auditor"]


async def test_status_shows_where_metrics_are(vita: Vita) -> None:
    """Each address answers for its service."""
    document = vita("status", "--json").document
    async with httpx.AsyncClient(trust_env=False) as http:
        for one in (*document["workers"], *document["services"]):
            assert (await http.get(f"{one['metrics']}/readyz")).status_code == 200
            assert "vita_database_connections" in (await http.get(f"{one['metrics']}/metrics")).text
            assert one["metrics"].removeprefix("http://") in vita("status").out
