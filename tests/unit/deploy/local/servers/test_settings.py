"""The settings of the local Kafka and PostgreSQL."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.failure import StackFailure
from deploy.local.servers import kafka
from deploy.local.servers.postgres import MIB, Tuning, settings
from deploy.local.servers.server_user import give_to_server, server_user
from deploy.local.services import Stack, code_fingerprint, read_stack, remember_stack
from deploy.local.state import StateFolder
from deploy.roles import LOGINS


@pytest.fixture(autouse=True)
def _without_cached_answers() -> Iterator[None]:
    """Clears cached facts about the machine that a test has replaced."""
    server_user.cache_clear()
    yield
    server_user.cache_clear()


def test_nothing_listens_outside_of_the_machine() -> None:
    """Both servers are bound to the loopback address."""
    broker = kafka.properties(Path("/data"), 1111, 2222, "secret")
    assert broker["listeners"] == "CLIENTS://127.0.0.1:1111,CONTROLLER://127.0.0.1:2222"
    server = settings(3333, Tuning(), 8 * 1024 * MIB)
    assert (server["listen_addresses"], server["unix_socket_directories"]) == ("127.0.0.1", "")


def test_the_broker_authenticates_every_client() -> None:
    """Every listener, the controllers' too, authenticates; without a rule everything is denied."""
    broker = kafka.properties(Path("/data"), 1111, 2222, "secret")
    protocols = dict(entry.split(":") for entry in broker["listener.security.protocol.map"].split(","))
    assert protocols == {"CONTROLLER": "SASL_PLAINTEXT", "CLIENTS": "SASL_PLAINTEXT"}
    assert broker["allow.everyone.if.no.acl.found"] == "false"
    assert broker["super.users"] == f"User:{kafka.ADMINISTRATOR}"


def test_the_database_keeps_what_it_confirmed() -> None:
    """Only a stack made for a test run trades durability for speed."""
    assert "fsync" not in settings(1, Tuning(), 1024 * MIB)
    assert settings(1, Tuning(durable=False), 1024 * MIB)["fsync"] == "off"


@pytest.mark.parametrize(("memory", "buffers"), [(1, "128MB"), (8, "512MB"), (512, "1024MB")])
def test_memory_is_shared_with_the_others(memory: int, buffers: str) -> None:
    """PostgreSQL takes a sixteenth of the machine within bounds."""
    assert settings(1, Tuning(), memory * 1024 * MIB)["shared_buffers"] == buffers


def test_the_log_of_the_database_holds_no_values() -> None:
    """Statements, parameters and details, which carry personal data, are not logged."""
    server = settings(1, Tuning(), 1024 * MIB)
    assert server["log_parameter_max_length"] == "0"
    assert server["log_parameter_max_length_on_error"] == "0"
    assert server["log_min_error_statement"] == "panic"
    assert server["log_error_verbosity"] == "terse"


def test_a_container_has_the_settings_of_a_process() -> None:
    """The Docker route differs in addresses only."""
    container = kafka.container_settings("127.0.0.1:1111", "secret")
    assert container["KAFKA_MESSAGE_MAX_BYTES"] == kafka.COMMON["message.max.bytes"]
    assert container["KAFKA_ADVERTISED_LISTENERS"] == "CLIENTS://127.0.0.1:1111"


def test_a_path_in_any_script_survives_the_properties(tmp_path: Path) -> None:
    """Java reads properties as ASCII with escapes: two units for a letter beyond the first plane."""
    written = kafka.write_properties(tmp_path / "p", {"log.dirs": "/privé\\𝄞"}).read_bytes()
    assert written == b"log.dirs=/priv\\u00e9\\\\\\ud834\\udd1e\n"


@pytest.mark.parametrize(("data", "jar"), [("/a,b", "/a.jar"), ("/a", "/c:d/a.jar")])
def test_a_path_that_would_be_cut_in_two_is_refused(data: str, jar: str) -> None:
    """Kafka lists folders by comma and Java lists jars by colon; the user reads which folder to name."""
    with pytest.raises(StackFailure, match="name a folder without"):
        kafka.refuse_unusable(Path(data), [Path(jar)])


def test_java_options_can_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable replaces the broker's Java options."""
    monkeypatch.setenv("VITA_KAFKA_JAVA_OPTIONS", "-Xmx2g")
    argv = kafka.argv(Path("/server.properties"), [Path("/a.jar"), Path("/b.jar")])
    assert "-Xmx2g" in argv
    assert f"/a.jar{os.pathsep}/b.jar" in argv


def test_root_that_cannot_drop_privileges_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL does not run as root; where the privileges cannot be dropped the user reads what to do."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StackFailure, match="ordinary user"):
        server_user(Path("/bin/initdb"))


def test_an_ordinary_user_runs_it_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is put before the server's command."""
    monkeypatch.setattr(os, "geteuid", lambda: pwd.getpwnam("nobody").pw_uid)
    assert server_user(Path("/bin/postgres")).prefix == ()


def test_a_user_without_a_name_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers run with any number as their user, which PostgreSQL refuses."""
    monkeypatch.setattr(os, "geteuid", lambda: 61_234)
    with pytest.raises(StackFailure, match=r"61234(.|\n)*/etc/passwd"):
        server_user(Path("/bin/postgres"))


@pytest.mark.parametrize("tool", ["setpriv", "unshare"])
def test_the_server_user_reaches_a_private_program(
    tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With either tool alone a program in a folder of mode 700 is reached, and data belongs to its user."""
    if os.geteuid() != 0 or (found := shutil.which(tool)) is None:
        pytest.skip("only root needs this, and only with the tool")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / tool).symlink_to(found)
    (tmp_path / "private" / "data").mkdir(parents=True)
    (tmp_path / "private").chmod(0o700)
    program = tmp_path / "private" / "program"
    program.write_text("#!/bin/sh\nid -u\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    try:
        user = server_user(program)
    except StackFailure:
        pytest.skip(f"the kernel does not allow {tool} to do this here")
    give_to_server(program.parent / "data", user)
    assert (program.parent / "data").stat().st_uid == user.uid
    monkeypatch.undo()
    shown = subprocess.run([*user.prefix, str(program)], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() not in ("", "0")


def _stack(folder: Path) -> Stack:
    return Stack(
        state_dir=folder,
        kafka_bootstrap="127.0.0.1:9092",
        postgres_admin_url="postgresql://postgres:secret@127.0.0.1:5432/postgres",
        database="vita",
        management_url="http://127.0.0.1:8080",
        ingest_url="http://127.0.0.1:8081",
    )


def test_a_service_gets_its_own_role_and_no_more(tmp_path: Path) -> None:
    """Each process knows its own password only, never the administrator's."""
    stack = _stack(tmp_path)
    with pytest.raises(StackFailure, match="--rotate"):
        stack.environment("projector")
    made = stack.passwords.make(LOGINS)
    env = stack.environment("projector")
    assert [login for login, password in made.items() if password in "".join(env.values())] == ["projector"]
    assert env["VITA_DATABASE_URL"].startswith("postgresql://vita_projector:")
    assert "secret" not in "".join(env.values())
    assert env["VITA_TOKEN_ISSUER"] == "http://127.0.0.1:8080/"


def test_the_command_line_finds_the_stack(tmp_path: Path) -> None:
    """What `up` wrote down is what other commands read."""
    state = StateFolder(tmp_path)
    state.create()
    assert read_stack(state) is None
    remember_stack(_stack(state.path), state)
    assert read_stack(state) == _stack(state.path)


def test_changed_code_is_noticed(tmp_path: Path) -> None:
    """A service whose code was edited is not what would be started now."""
    source = tmp_path / "services" / "worker.py"
    source.parent.mkdir()
    source.write_text("1")
    first = code_fingerprint(tmp_path)
    assert code_fingerprint(tmp_path) == first
    source.write_text("22")
    assert code_fingerprint(tmp_path) != first
