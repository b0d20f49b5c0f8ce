"""`python -m services.rebuild GENERATION [EVENTS_PER_SECOND]`: a process that replays the log into a
generation. `vita rebuild` starts one per processor."""

import gc
import sys

import uvloop

from services.rebuild.replay import Settings, open_replayer
from services.runtime import logs


async def main(number: int, rate: float | None) -> None:
    """Replay what no other process replays."""
    settings = Settings()
    logs.configure(settings.log_format)
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    async with open_replayer(settings, number, rate) as replayer:
        await replayer.replay_all()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else None))
