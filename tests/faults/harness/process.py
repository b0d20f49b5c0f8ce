"""`python -m tests.faults.harness.process MODULE`: a service with fail points, and sabotaged if asked to.

Product code knows nothing of either: functions are wrapped here before the service starts. A fail point kills
the process by SIGKILL when it is passed and a file of its name is in the folder FAIL_POINTS; the file is
removed first, so that one process dies once. SABOTAGE names a fault of the code that the checker has to
notice.
"""

import ctypes
import functools
import importlib
import os
import runpy
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

FAIL_POINTS: Final = "VITA_TEST_FAIL_POINTS"
SABOTAGE: Final = "VITA_TEST_SABOTAGE"
BETWEEN: Final = "projector.between_position_and_rows"
"""The fail point of the sabotage `position_first`."""
SKIPPED_ONE_IN: Final = 25
PR_SET_PDEATHSIG: Final = 1

Asynchronous = Callable[..., Awaitable[Any]]


class Point(NamedTuple):
    """A moment before or after a call of the function `name` of a module."""

    module: str
    name: str
    when: Literal["before", "after"]


POINTS: Final = {
    "normalizer.before_append": Point("services.runtime.kafka.log_writer", "LogWriter.append_many", "before"),
    "normalizer.after_append": Point("services.runtime.kafka.log_writer", "LogWriter.append_many", "after"),
    "normalizer.before_commit": Point("services.runtime.worker.positions", "Positions.acknowledge", "before"),
    "projector.before_write": Point("services.projector.consumer", "Projector._write", "before"),
    "projector.after_write": Point("services.projector.consumer", "Projector._write", "after"),
    "projector.before_commit": Point("services.runtime.worker.positions", "Positions.acknowledge", "before"),
    "projector.while_seeking": Point("services.projector.consumer", "Projector.stored_positions", "after"),
    "auditor.inside_transaction": Point("services.auditor.consumer", "write_growth", "after"),
    "auditor.after_transaction": Point("services.auditor.consumer", "Auditor.apply", "after"),
    "auditor.while_signing": Point("services.auditor.consumer", "sign_checkpoint", "after"),
    "ingest.before_publish": Point("services.ingest.logins.publisher", "Publisher.publish", "before"),
    "ingest.after_publish": Point("services.ingest.logins.publisher", "Publisher.publish", "after"),
    "management.before_append": Point("services.commands.writer", "Writer.append", "before"),
    "management.after_append": Point("services.commands.writer", "Writer.append", "after"),
    "management.after_view": Point("services.commands.writer", "Writer.wait_for_view", "after"),
}
"""Named `service.moment`."""


def die_at(name: str) -> None:
    """End this process here if the fail point is armed."""
    folder = os.environ.get(FAIL_POINTS)
    if not folder:
        return
    try:
        Path(folder, name).unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def _wrapped(original: Asynchronous, name: str, when: str) -> Asynchronous:
    @functools.wraps(original)
    async def passing(*values: Any, **named: Any) -> Any:
        if when == "before":
            die_at(name)
        result = await original(*values, **named)
        if when == "after":
            die_at(name)
        return result

    return passing


def _owner_of(point: Point) -> tuple[Any, str]:
    """The module or class that holds the function, and the function's name there."""
    owner: Any = importlib.import_module(point.module)
    *outer, last = point.name.split(".")
    for name in outer:
        owner = getattr(owner, name)
    return owner, last


def add_fail_points(service: str) -> None:
    """Wrap the functions at the fail points of a service."""
    for name, point in POINTS.items():
        if name.startswith(f"{service}."):
            owner, attribute = _owner_of(point)
            setattr(owner, attribute, _wrapped(getattr(owner, attribute), name, point.when))


def position_first() -> None:
    """The projector stores its position in one transaction and the rows in a later one."""
    consumer = importlib.import_module("services.projector.consumer")
    views = importlib.import_module("services.views.statement_batches")
    original = consumer.Projector._write

    async def write(self: Any, generation: Any, records: Any, batches: Any, latest: Any) -> None:
        await original(self, generation, records, [], latest)
        die_at(BETWEEN)
        await views.write_batches(generation.pool, batches, ("SELECT", ()))

    consumer.Projector._write = write


def no_duplicate_check() -> None:
    """The fold of profiles applies every event, known or not."""
    importlib.import_module("projections.profile.fold").is_duplicate = lambda memory, event: False


def skipped_record() -> None:
    """The projector leaves out one login in some dozens."""
    consumer = importlib.import_module("services.projector.consumer")
    original, seen = consumer.Projector._opened, [0]

    def opened(self: Any, *values: Any) -> Any:
        kept = []
        for one in original(self, *values):
            seen[0] += one.event.type == "profile.login.succeeded"
            if one.event.type != "profile.login.succeeded" or seen[0] % SKIPPED_ONE_IN:
                kept.append(one)
        return kept

    consumer.Projector._opened = opened


SABOTAGES: Final = {
    "position_first": ("projector", position_first),
    "no_duplicate_check": ("projector", no_duplicate_check),
    "skipped_record": ("projector", skipped_record),
}
"""The service that is sabotaged, and how."""


def die_with_parent() -> None:
    """Have the kernel kill this process when the harness ends, even a frozen one; on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main(module: str) -> None:
    """Run a service's module as `python -m` does."""
    die_with_parent()
    service = module.rpartition(".")[2]
    sabotaged, sabotage = SABOTAGES.get(os.environ.get(SABOTAGE, ""), ("", None))
    if sabotage is not None and sabotaged == service:
        sabotage()
    add_fail_points(service)
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1])
