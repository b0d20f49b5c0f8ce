"""The local stack of a state folder: Kafka and PostgreSQL as local processes, and the services."""

import asyncio
import signal
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local import ports
from deploy.local.failure import StackFailure
from deploy.local.processes import ProcessCommand, Processes, ProcessInfo, Ready
from deploy.local.servers import artifacts, kafka, postgres
from deploy.local.state import StateFolder
from services.runtime.kafka.access import KafkaAccess

PORT_ATTEMPTS = 5
SUPERVISOR = "supervisor"
"""The name of the process that starts the others again."""

Ports = Mapping[str, int]


class Interrupted(Exception):
    """A download was abandoned because the command was interrupted."""


@dataclass(frozen=True)
class Launch:
    """How to start a process on given ports, and how to check that it is ready."""

    ports: Sequence[str]
    command: Callable[[Ports], ProcessCommand]
    ready: Callable[[Ports], Ready]
    budget_s: float = 120


class LocalStack:
    """Starts what is missing and stops what was started. Call it while holding `state.lock()`."""

    def __init__(self, state_dir: Path, tuning: postgres.Tuning = postgres.DURABLE) -> None:
        self.state = StateFolder(state_dir)
        self.processes = Processes(self.state)
        self.moves: list[str] = []
        """Sentences about processes whose port differs from that of their last start."""
        self._tuning = tuning

    async def ensure_kafka(self, progress: artifacts.Progress = lambda done, total: None) -> KafkaAccess:
        """Start the broker unless it runs, and return how its administrator connects. Raises StackFailure."""
        jars = await _fetch_jars(progress)
        kafka.refuse_unusable(self.state.path, jars)
        folder = await self._build("kafka", lambda target: kafka.format_storage(target, jars))
        password = (folder / "password").read_text()
        chosen = await self.launch("kafka", _kafka_launch(folder, jars, password))
        return kafka.administrator(chosen["kafka"], password)

    async def ensure_postgres(self) -> str:
        """Start the server unless it runs, and return the administrator's URL. Raises StackFailure."""
        folder = await self._build("postgres", postgres.initialise)
        password = (folder / "password").read_text()
        postgres.forget_the_dead(folder / "data")
        postgres.own(folder / "data")
        chosen = await self.launch("postgres", _postgres_launch(folder, password, self._tuning))
        return postgres.admin_url(chosen["postgres"], password)

    async def launch(self, name: str, launch: Launch) -> Ports:
        """Start the process on free ports unless it runs, and return its ports, which are kept for later
        starts.

        Raises StackFailure when the process does not become ready, or a pinned port is taken.
        """
        before: dict[str, int] = self.state.read().get("ports", {})
        lost: set[int] = set()
        for attempt in range(PORT_ATTEMPTS):
            chosen = self._choose_ports(name, launch.ports, lost)
            try:
                ready = _alone(name, chosen, launch.ready(chosen))
                await self.processes.ensure(name, launch.command(chosen), ready, launch.budget_s)
            except StackFailure as failure:
                taken = {port for port in chosen.values() if not ports.is_free(port)}
                if not taken and not ports.is_lost(failure):
                    raise
                self._refuse_pinned(chosen)
                if attempt + 1 == PORT_ATTEMPTS:
                    raise
                lost |= taken or set(chosen.values())
            else:
                self._note_moves(name, before, chosen)
                return chosen
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def stop(self, name: str, budget_s: float = 20) -> bool:
        """Stop one process, by force after `budget_s` seconds; return whether it ran."""
        return await self.processes.stop(name, budget_s)

    async def stop_all(self) -> list[str]:
        """Stop everything that was started here, and return the names of what ran.

        The supervisor is stopped first, as it would start the others again, then the newest.
        """
        names = sorted((info.name for info in reversed(self.status())), key=lambda name: name != SUPERVISOR)
        return [name for name in names if await self.stop(name)]

    def status(self) -> list[ProcessInfo]:
        """Return every process that was ever started here."""
        return self.processes.status()

    async def _build(self, name: str, make: Callable[[Path], None]) -> Path:
        return await asyncio.to_thread(self.state.build, name, make)

    def _choose_ports(self, name: str, needed: Sequence[str], lost: Collection[int]) -> Ports:
        known: dict[str, int] = self.state.read().get("ports", {})
        pins = {port: ports.pinned(port) for port in needed}
        process = self.processes.find(name)
        if process is not None and all(
            known.get(port) == (pins[port] or known.get(port, 0)) for port in needed
        ):
            return {port: known[port] for port in needed}
        chosen: dict[str, int] = {}
        for port in needed:
            taken = {*chosen.values(), *(number for other, number in known.items() if other not in needed)}
            pin = pins[port]
            if pin is None:
                chosen[port] = ports.choose(port, known.get(port), taken, lost=lost)
            elif ports.is_free(pin) or (process is not None and ports.listens(process.pid, pin)):
                chosen[port] = pin
            else:
                raise ports.refuse_pinned(port, pin)
        self.state.update(ports=chosen)
        return chosen

    @staticmethod
    def _refuse_pinned(chosen: Ports) -> None:
        for name, port in chosen.items():
            if ports.pinned(name) is not None:
                raise ports.refuse_pinned(name, port)

    def _note_moves(self, name: str, before: Ports, chosen: Ports) -> None:
        for port, number in chosen.items():
            old = before.get(port, number)
            if old != number:
                pin = f" ({ports.PINS[port]} pins a port)" if port in ports.PINS else ""
                because = "" if ports.pinned(port) else f", as another program has port {old}{pin}"
                self.moves.append(f"{name} moved from port {old} to port {number}{because}.")


def _alone(name: str, chosen: Ports, ready: Ready) -> Ready:
    """Wrap `ready`: a process counts as ready only if it alone listens on its ports."""

    async def ready_and_alone(pid: int) -> bool:
        if not all(ports.listens(pid, port) for port in chosen.values()):
            return False
        for port in chosen.values():
            if ports.is_contested(pid, port):
                raise ports.PortTaken(
                    f"another program took port {port} at the same time as {name}", "run `make up` again"
                )
        return await ready(pid)

    return ready_and_alone


def _kafka_launch(folder: Path, jars: Sequence[Path], password: str) -> Launch:
    def command(chosen: Ports) -> ProcessCommand:
        settings = kafka.properties(folder / "data", chosen["kafka"], chosen["kafka_controller"], password)
        return ProcessCommand(
            kafka.argv(kafka.write_properties(folder / "server.properties", settings), jars),
            settings | kafka.ENVIRONMENT,
        )

    def ready(chosen: Ports) -> Ready:
        return lambda _pid: kafka.answers(kafka.administrator(chosen["kafka"], password))

    return Launch(("kafka", "kafka_controller"), command, ready)


def _postgres_launch(folder: Path, password: str, tuning: postgres.Tuning) -> Launch:
    def command(chosen: Ports) -> ProcessCommand:
        return ProcessCommand(postgres.argv(folder / "data", chosen["postgres"], tuning), {}, signal.SIGINT)

    def ready(chosen: Ports) -> Ready:
        return lambda _pid: postgres.answers(postgres.admin_url(chosen["postgres"], password))

    return Launch(("postgres",), command, ready)


async def _fetch_jars(progress: artifacts.Progress) -> list[Path]:
    """Download in a thread that ends soon after this task is cancelled."""
    given_up = threading.Event()

    def report(done: int, total: int) -> None:
        if given_up.is_set():
            raise Interrupted
        progress(done, total)

    locked = artifacts.parse_lock(artifacts.KAFKA_LOCK.read_text())
    try:
        return await asyncio.to_thread(artifacts.fetch, locked, artifacts.cache_folder(), report)
    finally:
        given_up.set()
