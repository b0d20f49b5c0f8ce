"""`python -m tests.mutants`: the share of one-place changes of decisions that the fast tests notice."""

import argparse
import ast
import importlib
import random
import time
import warnings
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tests.mutants.baseline import Baseline, measure
from tests.mutants.changes import ROOT, Change, changes
from tests.mutants.child import notices
from tests.mutants.equivalent import reason


def main() -> None:
    """Draw changes, try each, print those that nothing notices and the share of those noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="how many changes to try")
    parser.add_argument("--seed", type=int, default=None, help="which ones; a random number by default")
    parser.add_argument("--minutes", type=float, default=60.0, help="no change is begun after so long")
    arguments = parser.parse_args()
    seed = random.randrange(10**6) if arguments.seed is None else arguments.seed
    end = time.monotonic() + 60 * arguments.minutes
    print(f"{arguments.count} changes, seed {seed}; running the tests on the code as it is …", flush=True)
    baseline = measure()
    for test in sorted(baseline.failed):
        print(f"Left out, since it fails without a change: {test}")
    _import(baseline)
    importers = _importers()
    _check_control(baseline, importers)
    tried = caught = equivalent = 0
    for change in changes(seed):
        if tried == arguments.count or time.monotonic() > end:
            break
        if _is_noticed(change, baseline, importers):
            caught += 1
        elif why := reason(change):
            equivalent += 1
            print(f"\n{_shown(change)}\n  equivalent: {why}", flush=True)
            continue
        else:
            print(f"\n{_shown(change)}", flush=True)
        tried += 1
        if tried % 10 == 0:
            print(f"\n{caught} of {tried} noticed", flush=True)
    share = caught / tried if tried else 1.0
    print(f"\n{caught} of {tried} changes noticed: {share:.0%} (seed {seed}); {equivalent} equivalent ones")


def _check_control(baseline: Baseline, importers: Mapping[Path, set[Path]]) -> None:
    """Try a change that changes nothing, since a test that fails for another reason would flatter the share.
    Raises SystemExit when it is noticed."""
    first = next(changes(0))
    if _is_noticed(replace(first, source=(ROOT / first.path).read_text()), baseline, importers):
        raise SystemExit("The tests fail in a child process without a change.")


def _is_noticed(change: Change, baseline: Baseline, importers: Mapping[Path, set[Path]]) -> bool:
    return any(
        notices(change, tests, sum(baseline.seconds.get(test, 0.0) for test in tests))
        for tests in baseline.rounds(change, importers.get(change.path, ()))
    )


def _shown(change: Change) -> str:
    return f"{change.path}:{change.lines.start}\n  - {change.before}\n  + {change.after}"


def _import(baseline: Baseline) -> None:
    """Import the libraries that the tests use once, for all children."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in baseline.libraries:
            with suppress(Exception):
                importlib.import_module(name)


def _importers() -> dict[Path, set[Path]]:
    """The modules and tests that import each module directly."""
    found: dict[Path, set[Path]] = defaultdict(set)
    for path in (
        path
        for top in ("schemas", "projections", "services", "tests")
        for path in ROOT.glob(f"{top}/**/*.py")
    ):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
                    found[Path(*name.split(".")).with_suffix(".py")].add(path.relative_to(ROOT))
    return found


if __name__ == "__main__":
    main()
