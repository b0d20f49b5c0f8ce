"""Where a worker's time goes: one hop drained under cProfile. The rate is not comparable, the shares are."""

import pstats
import sys
from io import StringIO

from deploy.local.processes import ProcessCommand
from deploy.local.services import has_beaten
from tests.bench.hops import Plan, progress_of
from tests.bench.meter import watch
from tests.bench.site import Site

LINES = 30


async def profiled(site: Site, plan: Plan, worker: str, waiting: int) -> str:
    """Drain what waits for the worker; its costliest functions by their own time."""
    progress = progress_of(site, worker)
    goal = await progress() + waiting
    stats = site.stack.state_dir / f"{worker}.profile"
    argv = (sys.executable, "-m", "cProfile", "-o", str(stats), "-m", f"services.{worker}")
    command = ProcessCommand(argv, {**site.stack.environment(worker), "VITA_METRICS_PORT": "0"})
    await site.local.processes.ensure(worker, command, lambda pid: has_beaten(site.pool, worker, pid))
    await watch(progress, goal, plan.seconds)
    await site.stop(worker)
    text = StringIO()
    pstats.Stats(str(stats), stream=text).strip_dirs().sort_stats("tottime").print_stats(LINES)
    return text.getvalue()
