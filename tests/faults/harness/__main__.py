"""`python -m tests.faults.harness --faults 300 --seed 7`: breaks an installation and prints a table.

The exit code is 1 if anything was lost, doubled or disordered or did not recover.
"""

import argparse
import asyncio
import logging
import signal
import sys

from tests.faults.harness.installation import running_installation
from tests.faults.harness.report import print_report
from tests.faults.harness.runner import Result, Runner
from tests.faults.harness.servers import running_servers


async def main(faults: int, seed: int, minutes: float) -> Result:
    """Run and report."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with running_servers() as servers, running_installation(servers) as site:
        runner = Runner(site, seed, minutes * 60, lambda text: print(text, flush=True))
        result = await runner.run(faults)
        print_report(result, runner.model, site.fleet)
        return result


if __name__ == "__main__":
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is away is no news here
    parser = argparse.ArgumentParser(prog="python -m tests.faults.harness")
    parser.add_argument("--faults", type=int, default=300, help="how many faults (300)")
    parser.add_argument("--seed", type=int, default=7, help="of load and faults (7)")
    parser.add_argument("--minutes", type=float, default=60, help="no wave begins after that time (60)")
    given = parser.parse_args()
    sys.exit(0 if asyncio.run(main(given.faults, given.seed, given.minutes)).is_clean else 1)
