"""`python -m tests.bench`: measure, print, leave nothing behind."""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys

import psutil
from rich.console import Console

from deploy.local.failure import StackFailure
from schemas.topics import Topic
from tests.bench import hops, latency, sizes
from tests.bench.hops import Measured, Plan
from tests.bench.load import LoadRefused, gateway
from tests.bench.profile import profiled
from tests.bench.report import Latency, Report, as_json, show
from tests.bench.site import Site, fresh_site

STEPS = ("ingest", "normalizer", "projector", "auditor", "chain", "latency")
WHOLE_RUN_SECONDS = 1800.0
WIDTH = 110


def main() -> int:
    """Run the bench; 0 when every hop finished within its time."""
    options = _parser().parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    console = Console(stderr=options.json)
    console.width = max(console.width, WIDTH)
    try:
        report = asyncio.run(_run(options, console))
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("Stopped; the bench's stack is gone.")
        return 130
    except (StackFailure, LoadRefused, TimeoutError, ExceptionGroup) as error:
        console.print(f"The bench gave up: {_root(error)}", markup=False, highlight=False)
        return 1
    if options.json:
        print(json.dumps(as_json(report), indent=2))
    else:
        show(console, report)
    return 0 if all(hop.complete for hop in report.hops) else 1


def _root(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--people", type=int, default=50_000, help="how many people sign in")
    parser.add_argument("--events", type=int, default=100_000, help="logins for each hop, and for the chain")
    parser.add_argument("--only", choices=STEPS, help="stop after this step (the ones before it prepare it)")
    parser.add_argument(
        "--profile", choices=hops.WORKERS, help="drain this hop under cProfile and stop there"
    )
    parser.add_argument("--seconds", type=float, default=120, help="longest time for one hop")
    parser.add_argument("--latency-seconds", type=float, default=20, help="how long latency is measured")
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    return parser


async def _run(options: argparse.Namespace, console: Console) -> Report:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with asyncio.timeout(WHOLE_RUN_SECONDS), fresh_site() as site:
        return await _measure(site, options, console)


async def _measure(site: Site, options: argparse.Namespace, console: Console) -> Report:
    plan, machine = Plan(options.people, options.events, options.seconds), _machine(options)
    last = options.profile or options.only
    steps = STEPS[: STEPS.index(last) + 1] if last else STEPS
    measured: list[Measured] = []
    found: Latency | None = None
    _print_progress(console, "warm-up")
    await hops.warm_up(site, plan)
    for step in steps:
        _print_progress(console, step)
        if step == options.profile:
            waiting = await _waiting(site, step)
            console.print(await profiled(site, plan, step, waiting), markup=False, highlight=False)
        elif step == "latency":
            found = await _latency(site, plan, measured[-1].per_second / 2, options.latency_seconds)
        else:
            measured.append(await _hop(site, plan, step))
            _print_progress(console, f"  {measured[-1].per_second:,.0f} events/s")
            if not measured[-1].complete:
                _explain(console, site)
    _print_progress(console, "ceilings")
    ceilings = await sizes.measure(site)
    return Report(machine, ceilings, [sizes.against(one, ceilings) for one in measured], found)


async def _hop(site: Site, plan: Plan, step: str) -> Measured:
    match step:
        case "ingest":
            return await hops.ingest(site, plan, plan.values("hops", plan.events))
        case "chain":
            return await hops.chain(site, plan, plan.values("chain", plan.events))
        case _:
            return await hops.drain(site, plan, step, await _waiting(site, step))


async def _waiting(site: Site, worker: str) -> int:
    """How much waits for a worker."""
    if worker == "normalizer":
        return await site.written(Topic.LOGINS_RAW) - hops.WARM_UP_LOGINS
    return await site.normalized() - await hops.progress_of(site, worker)()


async def _latency(site: Site, plan: Plan, rate: float, seconds: float) -> Latency:
    async with gateway(site.stack.ingest_url, site.token) as client:
        return await latency.measure(client, site.pool, plan.population(), rate, seconds)


def _machine(options: argparse.Namespace) -> dict[str, str | int]:
    """What the figures depend on; a load before the start says that others were at work."""
    return {
        "cores": os.cpu_count() or 0,
        "memory_gib": psutil.virtual_memory().total // 2**30,
        "load_before": f"{os.getloadavg()[0]:.2f}",
        "people": options.people,
        "events": options.events,
    }


def _explain(console: Console, site: Site) -> None:
    for name in ("ingest", *hops.WORKERS):
        console.print(
            f"{name} did not say more than:\n{site.last_words(name)}", markup=False, highlight=False
        )


def _print_progress(console: Console, text: str) -> None:
    console.print(text, style="dim", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
