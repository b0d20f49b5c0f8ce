"""How commands start and how they end."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from services.cli import main
from services.cli.failure import CommandFailed, explain
from tests.unit.cli.conftest import Vita


def _commands(group: TyperGroup, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        here = (*path, name)
        if isinstance(command, TyperGroup):
            yield from _commands(command, here)
        else:
            yield here


_ROOT = typer.main.get_command(main.app)
assert isinstance(_ROOT, TyperGroup)
COMMANDS = list(_commands(_ROOT))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_helps_with_an_example(vita: Vita, path: tuple[str, ...]) -> None:
    """Each command's help ends with an example of that command."""
    ran = vita(*path, "--help")
    assert ran.code == 0
    assert "Example:" in ran.out
    assert f"vita {' '.join(path)}" in " ".join(ran.out.partition("Example:")[2].split())


def test_terminals_break_the_lines_of_a_help() -> None:
    """A paragraph of a command's help is one line, whatever width the code is written in."""
    for path in COMMANDS:
        command: Any = _ROOT
        for name in path:
            command = command.commands[name]
        assert "\n" not in command.help.replace("\n\n", ""), path


def test_the_promised_commands_are_there() -> None:
    """Everything the operator was promised exists."""
    names = {" ".join(path) for path in COMMANDS}
    users = {f"users {verb}" for verb in ("list", "get", "create", "update", "block", "unblock", "delete")}
    others = {"logins send", "audit verify", "audit key", "tenants create", "tenants list", "clients create"}
    stack = {"up", "down", "clean", "logs", "status", "env", "tail", "demo", "version", "clients list"}
    assert users | others | stack <= names


def test_starting_imports_nothing_heavy() -> None:
    """`vita --help` is quick because commands import what they need when they run."""
    heavy = "{'asyncpg', 'aiokafka', 'httpx', 'pydantic'}"
    code = f"import sys; from services.cli import main; print({heavy} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_failure_is_one_line_and_exit_code_one(vita: Vita) -> None:
    """Without a stack, a command says what to do next, and nothing on stdout."""
    ran = vita("users", "list", "--json")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    assert "vita up" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [("nosuch",), ("users", "get"), ("users", "list", "--page", "-1"), ("tenants", "create", "No!")],
)
def test_a_wrong_question_is_exit_code_two(vita: Vita, arguments: tuple[str, ...]) -> None:
    """Usage errors have another exit code than failures."""
    assert vita(*arguments).code == 2


def test_mistakes_in_the_code_are_not_explained_away() -> None:
    """Only known families of failures are put into words."""
    assert explain(CommandFailed("no", "do this")) == "no: do this"
    assert explain(KeyError("x")) is None


def test_the_unexpected_names_the_way_to_the_traceback(vita: Vita, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in the code still ends in one line, without its values, which may be personal."""

    def broken() -> None:
        raise KeyError("jane@example.com")

    monkeypatch.setattr("services.cli.addresses.local_stack", _cached(broken))
    ran = vita("env")
    assert ran.code == 1
    assert "KeyError" in ran.err
    assert "VITA_DEBUG=1" in ran.err
    assert "jane" not in ran.err


def _cached(function):
    from functools import cache

    return cache(function)
