"""One run of pytest in a child process that may use so much time and memory and no more."""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Final

import pytest

from tests.mutants.changes import ROOT, Change

PYTEST: Final = ("--quiet", "-p", "no:cacheprovider", "-p", "no:xdist", "--assert=plain", "--timeout=60")
MEMORY: Final = 4 * 1024**3
"""Bytes of address space a run may take beyond what the parent has."""
CPU_SECONDS: Final = 20
"""Seconds of processor time a run may take beyond ten times that of its tests."""


def in_a_child(run: Callable[[], int], cpu_seconds: int | None) -> int:
    """What `run` returns in a fork of this process; negative when a signal ended it."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            silence = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(silence, stream)
            if cpu_seconds is not None:
                resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            code = run()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def notices(change: Change, tests: Sequence[str], seconds: float) -> bool:
    """Whether one of these tests fails, or does not end, with this change."""
    code = in_a_child(lambda: _run(change, tests), CPU_SECONDS + 10 * int(seconds))
    return code != pytest.ExitCode.OK


def _run(change: Change, tests: Sequence[str]) -> int:
    sys.meta_path.insert(0, _Changed(change))
    files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
    return int(pytest.main([*PYTEST, "-x", *files], plugins=[_Selection(tests)]))


class _Selection:
    """Only these tests, in this order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._places = {test: place for place, test in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._places),
            key=lambda item: self._places[item.nodeid],
        )


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the changed module from memory: nothing is written into the tree."""

    def __init__(self, change: Change) -> None:
        self._name = ".".join(change.path.with_suffix("").parts).removesuffix(".__init__")
        self._path = ROOT / change.path
        self._source = change.source

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self._name:
            return None
        is_package = self._path.name == "__init__.py"
        return importlib.util.spec_from_file_location(
            name,
            self._path,
            loader=self,
            submodule_search_locations=[str(self._path.parent)] if is_package else None,
        )

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._source, self._path, "exec"), module.__dict__)  # noqa: S102
