"""Faults of the services: processes that are killed, ended, frozen, joined, or die at a named moment."""

import asyncio
import random
import signal
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Final

from tests.faults.harness.fleet import WORKERS
from tests.faults.harness.installation import FROZEN_SECONDS, Installation
from tests.faults.harness.load import Load

SHORT_SECONDS: Final = 2.5
REACHED_SECONDS: Final = 8.0
"""How long a fail point waits for a process to pass it."""
POLL_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Ground:
    """What a fault acts on, and its own random numbers."""

    site: Installation
    load: Load
    draw: random.Random


@dataclass(eq=False)
class Fault(ABC):
    """Something that goes wrong for `seconds`. Faults of one part never overlap, those of two parts do."""

    name: str
    part: str
    seconds: float = 0.0
    note: str = field(default="", init=False)
    """What the report says about this one."""

    @abstractmethod
    async def inject(self, ground: Ground) -> None:
        """Break the part."""

    async def heal(self, ground: Ground) -> None:  # noqa: B027 - nothing to do for many
        """End what is wrong, unless it ends by itself: the keeper starts again what has died."""


class Signalled(Fault):
    """The process of a service gets a signal that ends it."""

    def __init__(self, service: str, number: signal.Signals) -> None:
        super().__init__(number.name, service)
        self._number = number

    async def inject(self, ground: Ground) -> None:
        """Send the signal."""
        ground.site.fleet.first(self.part).send(self._number)


class Frozen(Fault):
    """The process stands still; that of a worker for longer than its session lasts."""

    def __init__(self, service: str) -> None:
        super().__init__("SIGSTOP", service, FROZEN_SECONDS if service in WORKERS else SHORT_SECONDS)

    async def inject(self, ground: Ground) -> None:
        """Stop the process where it is."""
        ground.site.fleet.first(self.part).send(signal.SIGSTOP)

    async def heal(self, ground: Ground) -> None:
        """Let it go on."""
        ground.site.fleet.first(self.part).send(signal.SIGCONT)


class StaleOwner(Fault):
    """A frozen worker comes back while another one does its work."""

    def __init__(self, service: str) -> None:
        super().__init__("stale owner", service, FROZEN_SECONDS)

    async def inject(self, ground: Ground) -> None:
        """Start a second worker and stop the first where it is."""
        await ground.site.fleet.add(self.part, 1)
        await asyncio.sleep(ground.draw.uniform(0, 2))
        ground.site.fleet.first(self.part).send(signal.SIGSTOP)

    async def heal(self, ground: Ground) -> None:
        """Let the first one go on beside the second one, and end that."""
        ground.site.fleet.first(self.part).send(signal.SIGCONT)
        await asyncio.sleep(1)
        await ground.site.fleet.remove(self.part, 1, signal.SIGTERM)


class Crowd(Fault):
    """Two more workers join and leave, one in good order and one by force."""

    def __init__(self, service: str) -> None:
        super().__init__("joining and leaving", service, SHORT_SECONDS)

    async def inject(self, ground: Ground) -> None:
        """Have them join."""
        for number in (1, 2):
            await ground.site.fleet.add(self.part, number)
            await asyncio.sleep(ground.draw.uniform(0.5, 2))

    async def heal(self, ground: Ground) -> None:
        """Have them leave."""
        await ground.site.fleet.remove(self.part, 1, signal.SIGTERM)
        await ground.site.fleet.remove(self.part, 2, signal.SIGKILL)


class FailPoint(Fault):
    """A process dies at a named moment of its work."""

    def __init__(self, point: str) -> None:
        super().__init__(point.partition(".")[2].replace("_", " "), point.partition(".")[0])
        self._point = point

    async def inject(self, ground: Ground) -> None:
        """Wait until the process has died there."""
        fleet = ground.site.fleet
        fleet.arm(self._point)
        for _ in range(int(REACHED_SECONDS / POLL_SECONDS)):
            if not fleet.is_armed(self._point):
                return
            await asyncio.sleep(POLL_SECONDS)

    async def heal(self, ground: Ground) -> None:
        """Take it back if no process came by."""
        if ground.site.fleet.disarm(self._point):
            self.note = "not reached"
