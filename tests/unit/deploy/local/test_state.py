"""The state folder of a checkout."""

import contextlib
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.local.failure import StackFailure, tail
from deploy.local.state import StateFolder, default_state_dir
from deploy.private_files import write_private
from tests.support.repository import ROOT


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    """A new state folder."""
    folder = StateFolder(tmp_path / "state")
    folder.create()
    return folder


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_can_read_it(state: StateFolder) -> None:
    """Folders are 0700 and the file with addresses and ports is 0600."""
    state.update(ports={"kafka": 1})
    assert [_mode(state.path / name) for name in (".", "logs", "keys")] == [0o700] * 3
    assert _mode(state.path / "stack.json") == 0o600


def test_changes_are_merged(state: StateFolder) -> None:
    """What is written about one part leaves what is known of the others."""
    state.update(ports={"kafka": 1}, stack={"database": "vita"})
    state.update(ports={"postgres": 2})
    assert state.read() == {"ports": {"kafka": 1, "postgres": 2}, "stack": {"database": "vita"}}


def test_a_damaged_file_is_answered_with_advice(state: StateFolder) -> None:
    """The error names the file to remove."""
    (state.path / "stack.json").write_text("{")
    with pytest.raises(StackFailure, match=r"What to do: remove that file"):
        state.read()


def test_a_write_that_fails_leaves_the_old_file(state: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash between writing and renaming is as if nothing had been written."""
    target = state.path / "secret"
    write_private(target, b"old")

    def crash(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        write_private(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in state.path.iterdir() if "unfinished" in path.name] == []


def test_a_folder_is_made_whole_or_not_at_all(state: StateFolder) -> None:
    """A data folder whose creation was interrupted does not exist, and is created again."""

    def half(folder: Path) -> None:
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        state.build("data", half)
    assert not (state.path / "data").exists()
    made = state.build("data", lambda folder: (folder / "whole").touch())
    assert [path.name for path in made.iterdir()] == ["whole"]


def test_what_was_left_half_made_is_removed(state: StateFolder) -> None:
    """The next command clears away what a killed one left."""
    (state.path / "postgres.unfinished-abc").mkdir()
    with state.lock():
        assert not (state.path / "postgres.unfinished-abc").exists()


def test_two_commands_do_not_change_it_at_once(state: StateFolder) -> None:
    """The second waits, says so once, and gives up with advice."""
    notices: list[str] = []
    with (
        state.lock(),
        pytest.raises(StackFailure, match="another command"),
        StateFolder(state.path).lock(lambda: notices.append("waiting"), budget_s=0.25),
    ):
        pass
    assert notices == ["waiting"]


def test_a_killed_command_holds_no_lock(state: StateFolder) -> None:
    """The lock dies with its holder."""
    code = f"""
import os, pathlib
from deploy.local.state import StateFolder
with StateFolder(pathlib.Path({str(state.path)!r})).lock():
    os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == -9
    with state.lock(budget_s=0):
        pass


def test_a_lock_on_a_removed_folder_is_taken_again(state: StateFolder) -> None:
    """After `make clean` a waiting command starts from nothing instead of holding a file that is gone."""
    with state.lock():
        state.remove()
        with StateFolder(state.path).lock(budget_s=0):
            assert (state.path / "lock").exists()


def test_a_command_that_takes_a_removed_folder_over_keeps_what_it_creates(
    state: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A waiting command may get the lock in the middle of a removal, right after the lock was deleted."""
    (state.path / "stack.json").touch()
    unlink, opened = Path.unlink, contextlib.ExitStack()

    def overtaken(path: Path, missing_ok: bool = False) -> None:
        unlink(path, missing_ok)
        if path.name == "lock":
            opened.enter_context(StateFolder(path.parent).lock(budget_s=0))
            (path.parent / "new.kek").touch()

    with state.lock(), opened:
        monkeypatch.setattr(Path, "unlink", overtaken)
        state.remove()
        assert {"lock", "new.kek"} <= {part.name for part in state.path.iterdir()}


def test_a_part_can_outlive_the_rest(state: StateFolder) -> None:
    """The keys are kept if the data that they decrypt is on external servers."""
    (state.path / "keys" / "kek").touch()
    state.update(ports={})
    state.remove(keep=("keys",))
    assert [path.name for path in state.path.rglob("*")] == ["keys", "kek"]
    state.remove()
    assert not state.path.exists()


def test_the_environment_names_another_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """VITA_STATE_DIR comes before the checkout's own folder."""
    monkeypatch.setenv("VITA_STATE_DIR", str(tmp_path))
    assert default_state_dir() == tmp_path
    monkeypatch.delenv("VITA_STATE_DIR")
    assert default_state_dir() == ROOT / ".vita"


def test_the_end_of_a_log_is_shown(tmp_path: Path) -> None:
    """A failure carries the last lines of the log and its path; a missing log is no second failure."""
    log = tmp_path / "kafka.log"
    assert tail(log) == []
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    failure = StackFailure("kafka ended", "look", log)
    assert "line 99" in str(failure)
    assert "line 50" not in str(failure)
    assert str(log) in str(failure)


def test_a_folder_is_removed_despite_concurrent_deletions(state: StateFolder) -> None:
    """A server that is just ending deletes its own files concurrently."""
    state.create()
    files = [state.path / "postgres" / str(folder) / str(file) for folder in range(20) for file in range(50)]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    with ThreadPoolExecutor(1) as other:
        deleting = other.submit(lambda: [file.unlink(missing_ok=True) for file in files])
        state.remove()
        deleting.result()
    assert not state.path.exists()
