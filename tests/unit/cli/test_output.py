"""Small pure parts: scopes, shown values, log files."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from services.cli.output import safe, shown
from services.cli.stack.log_files import LogFile, show
from services.cli.tenants.scopes import DEMO_SCOPES, expand_scopes, unknown_scopes


def test_scopes_expand_in_order_and_once() -> None:
    """Repeated, comma-separated and `all-demo` scopes all end in one clean list."""
    assert expand_scopes(["read:users,create:users", "read:users"]) == ("read:users", "create:users")
    assert expand_scopes(["read:users", "all-demo"]) == (
        "read:users",
        *(s for s in DEMO_SCOPES if s != "read:users"),
    )


@pytest.mark.parametrize("text", ["users", "read:", ":users", "read users:x", "r:é"])
def test_unknown_scopes_are_refused(text: str) -> None:
    """A typing mistake does not become a client that may do nothing."""
    with pytest.raises(typer.BadParameter):
        expand_scopes([text])


def test_unknown_scopes_are_known_to_be_unknown() -> None:
    """Scopes that no part of Vita requires can be listed."""
    assert unknown_scopes(("read:users", "fly:moon")) == ["fly:moon"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (1234567, "1,234,567"),
        ({"ä": [1]}, '{"ä": [1]}'),
        ("x", "x"),
    ],
)
def test_values_are_shown_plainly(value: object, text: str) -> None:
    """Nothing, truths, numbers, documents and texts each have one look."""
    assert shown(value) == text


def test_names_of_all_scripts_are_safe_as_they_are() -> None:
    """Only what a terminal would obey is escaped."""
    for name in ("Zoë Πετρίδη", "家豪", "नेहा", "😀"):
        assert safe(name) == name
    assert safe("a\nb\x9bc") == "a\\u000ab\\u009bc"


def test_a_log_is_followed_across_a_new_start(tmp_path: Path) -> None:
    """The last lines are shown, then added lines once they are complete, also of a file that was replaced."""
    path = tmp_path / "projector.log"
    path.write_text("1\n2\n3\n")
    log = LogFile(path)
    assert log.last(2) == ["2", "3"]
    with path.open("a") as file:
        file.write("4\n5")
    assert log.added() == ["4"]
    with path.open("a") as file:
        file.write("5\n")
    assert log.added() == ["55"]
    path.rename(tmp_path / "projector.log.old")
    assert log.added() == []
    path.write_text("new\n")
    assert log.added() == ["new"]


def test_several_logs_name_their_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With several logs, each line begins with the name of its log."""
    for name in ("kafka", "ingest"):
        (tmp_path / f"{name}.log").write_text(f"from {name}\n")
    show({name: tmp_path / f"{name}.log" for name in ("kafka", "ingest")}, 5, follows=False)
    assert capsys.readouterr().out == "kafka  | from kafka\ningest | from ingest\n"


def test_a_reader_who_leaves_ends_the_command_quietly() -> None:
    """`vita tail | head` is no failure."""
    code = (
        "import itertools, typer\n"
        "from services.cli.output import print_line\n"
        "try:\n    for number in itertools.count(): print_line(str(number))\n"
        "except typer.Exit as end: raise SystemExit(end.exit_code)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "0\n"
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0
