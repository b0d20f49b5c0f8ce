"""The fast tests on the code as it is: which of them run which line, how long they take, what they import."""

import pickle
import sys
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from coverage import Coverage

from tests.mutants.changes import ROOT, Change, modules
from tests.mutants.child import PYTEST, in_a_child

TESTS: Final = ("tests/unit", "tests/laws")
UNCONCERNED: Final = ("cli", "demo", "deploy", "runtime")
"""Packages whose unit tests take long and reach no decision of others but in passing."""
AT_IMPORT: Final = ""


@dataclass(frozen=True)
class Baseline:
    """What is known of the tests that pass. `seconds` by test; `tests` by module and line, those of lines
    that run when the module is imported under `AT_IMPORT` only."""

    seconds: Mapping[str, float]
    tests: Mapping[Path, Mapping[int, frozenset[str]]]
    failed: frozenset[str]
    libraries: tuple[str, ...]

    def rounds(self, change: Change, importers: Collection[Path]) -> Iterator[list[str]]:
        """Tests to run one group after another, each without those before it, fast ones first: those that
        run the changed lines, those that run the module, and, when the change is made at import, those that
        run a module that imports it or import it themselves. What nothing reaches has no group."""
        by_line = self.tests.get(change.path, {})
        near = frozenset[str]().union(*(by_line.get(line, ()) for line in change.lines))
        groups = [near, self._of(change.path)]
        if AT_IMPORT in near or not near:
            groups.append(frozenset[str]().union(*(self._of(path) for path in importers)))
            groups.append(frozenset(test for test in self.seconds if _file(test) in importers))
        done: frozenset[str] = frozenset((AT_IMPORT,)) | self.failed
        for group in groups:
            if new := group - done:
                yield sorted(new, key=lambda test: self.seconds.get(test, 0.0))
            done |= group

    def _of(self, path: Path) -> frozenset[str]:
        return frozenset[str]().union(*self.tests.get(path, {}).values())


def _file(test: str) -> Path:
    return Path(test.partition("::")[0])


def measure() -> Baseline:
    """Run the fast tests once in a separate process, so that no module of the project is imported here."""
    with tempfile.NamedTemporaryFile() as file:
        path = Path(file.name)
        code = in_a_child(lambda: _record(path), None)
        if not path.stat().st_size:
            raise SystemExit(f"The tests could not be run (exit status {code}).")
        baseline = pickle.loads(path.read_bytes())  # noqa: S301, written by the child above
    assert isinstance(baseline, Baseline)
    return baseline


class _Recorder:
    def __init__(self, coverage: Coverage) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.failed: set[str] = set()
        self._coverage = coverage

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._coverage.switch_context(item.nodeid)
        result = yield
        self._coverage.switch_context(AT_IMPORT)
        return result

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed.add(report.nodeid)


def _record(path: Path) -> int:
    coverage = Coverage(
        data_file=None, include=[str(ROOT / module) for module in modules()], config_file=False
    )
    recorder = _Recorder(coverage)
    coverage.start()
    ignored = [f"--ignore=tests/unit/{package}" for package in UNCONCERNED]
    code = pytest.main([*PYTEST, *TESTS, *ignored], plugins=[recorder])
    coverage.stop()
    data = coverage.get_data()
    tests = {
        module: {
            line: frozenset(contexts)
            for line, contexts in data.contexts_by_lineno(str(ROOT / module)).items()
        }
        for module in modules()
    }
    baseline = Baseline(dict(recorder.seconds), tests, frozenset(recorder.failed), tuple(_libraries()))
    path.write_bytes(pickle.dumps(baseline))
    return int(code)


def _libraries() -> Iterator[str]:
    """Everything imported from outside of the project."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is not None and ("site-packages" in file or not Path(file).is_relative_to(ROOT)):
            yield name
