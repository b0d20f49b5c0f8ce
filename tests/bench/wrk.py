"""Load from wrk, where it is installed: it costs a fraction of what a client in Python takes from the
server."""

import asyncio
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench.meter import Percentiles

_SCRIPT: Final = """
local paths, place = {}, %(start)d
for line in io.lines("%(paths)s") do paths[#paths + 1] = line end
request = function()
  place = place %% #paths + 1
  return wrk.format("GET", paths[place], {["Authorization"] = "Bearer %(token)s"})
end
done = function(summary, latency, requests)
  io.write(string.format("vita %%d %%d %%f %%f %%f %%d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(95), latency:percentile(99), summary.errors.status))
end
"""
_RESULT: Final = re.compile(r"^vita (\d+) (\d+) ([\d.]+) ([\d.]+) ([\d.]+) (\d+)$", re.MULTILINE)


def installed() -> bool:
    """Whether there is a wrk to use."""
    return shutil.which("wrk") is not None


async def drive(
    url: str, paths: Sequence[str], token: str, connections: int, seconds: float
) -> tuple[float, Percentiles]:
    """Return requests per second and their latency, for GETs over this many connections."""
    with tempfile.TemporaryDirectory() as folder:
        listed, script = Path(folder, "paths"), Path(folder, "paths.lua")
        listed.write_text("\n".join(paths))
        script.write_text(_SCRIPT % {"paths": listed, "token": token, "start": 0})
        process = await asyncio.create_subprocess_exec(
            "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", str(script), url,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output = (await process.communicate())[0].decode()
    return read(output)


def read(output: str) -> tuple[float, Percentiles]:
    """What wrk said. Raises RuntimeError when it did not, or when requests were refused."""
    found = _RESULT.search(output)
    if found is None or found[6] != "0":
        raise RuntimeError(f"refused: {output[-300:]}")
    requests, microseconds = int(found[1]), int(found[2])
    p50, p95, p99 = (float(found[place]) / 1000 for place in (3, 4, 5))
    return requests / (microseconds / 1e6), Percentiles(p50, p95, p99, requests)
