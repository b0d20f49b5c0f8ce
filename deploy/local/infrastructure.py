"""Where Kafka and PostgreSQL come from: the environment, else a Docker engine, else own processes."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from deploy.local import kafka, postgres
from deploy.local.failure import StackFailure
from deploy.local.stack import LocalStack

Route = Literal["environment", "docker", "local"]
Part = Literal["kafka", "postgres"]

PARTS: tuple[Part, ...] = ("kafka", "postgres")
VARIABLES: dict[Part, str] = {"kafka": "VITA_KAFKA_BOOTSTRAP", "postgres": "VITA_POSTGRES_ADMIN_URL"}
ROUTE_VARIABLE = "VITA_STACK_ROUTE"
ANSWER_BUDGET_S = 20.0


class Containers(Protocol):
    """Kafka and PostgreSQL in containers that belong to one stack."""

    def answers(self) -> bool:
        """Whether there is a Docker engine to use."""

    async def ensure(self, part: Part) -> str:
        """Have the part running and answering; its address."""


class Observer(Protocol):
    """Is told what happens, for a display."""

    def found(self, part: Part, route: Route, address: str, seconds: float) -> None:
        """A part answers."""

    def downloading(self, done: int, total: int) -> None:
        """Bytes of the local Kafka, so far and in all."""


class Silent:
    """Shows nothing."""

    def found(self, part: Part, route: Route, address: str, seconds: float) -> None:
        """Nothing to show."""

    def downloading(self, done: int, total: int) -> None:
        """Nothing to show."""


@dataclass(frozen=True)
class Infrastructure:
    """Where the parts are, and by which road each was found."""

    kafka_bootstrap: str
    postgres_admin_url: str
    routes: dict[Part, Route]


async def ensure_infrastructure(
    stack: LocalStack, containers: Containers, observer: Observer | None = None
) -> Infrastructure:
    """Both parts, answering; started at the same time where they have to be started."""
    routes = choose_routes(stack, containers)
    stack.state.update(routes=routes)
    finder = _Finder(stack, containers, observer or Silent())
    try:
        async with asyncio.TaskGroup() as group:
            found = {part: group.create_task(finder.find(part, routes[part])) for part in PARTS}
    except* StackFailure as failures:
        raise failures.exceptions[0] from None
    return Infrastructure(found["kafka"].result(), found["postgres"].result(), routes)


def choose_routes(stack: LocalStack, containers: Containers) -> dict[Part, Route]:
    """The road to each part; once chosen it stays, because the data is at its end."""
    remembered: dict[Part, Route] = stack.state.read().get("routes", {})
    forced = _forced_route()
    routes: dict[Part, Route] = {}
    for part in PARTS:
        if os.environ.get(VARIABLES[part]):
            routes[part] = "environment"
        elif forced is not None:
            routes[part] = forced
        elif remembered.get(part) in ("docker", "local"):
            routes[part] = remembered[part]
        else:
            routes[part] = "docker" if containers.answers() else "local"
    return routes


def _forced_route() -> Route | None:
    value = os.environ.get(ROUTE_VARIABLE)
    match value:
        case None | "":
            return None
        case "docker" | "local":
            return value
        case _:
            raise StackFailure(f"{ROUTE_VARIABLE} is {value!r}", "set it to `docker` or `local`, or unset it")


class _Finder:
    def __init__(self, stack: LocalStack, containers: Containers, observer: Observer) -> None:
        self._stack = stack
        self._containers = containers
        self._observer = observer

    async def find(self, part: Part, route: Route) -> str:
        started = time.monotonic()
        address = await self._address(part, route)
        shown = address.rpartition("@")[2].partition("/")[0]
        self._observer.found(part, route, shown, time.monotonic() - started)
        return address

    async def _address(self, part: Part, route: Route) -> str:
        match route:
            case "environment":
                return await _given(part)
            case "docker":
                return await self._containers.ensure(part)
            case "local" if part == "kafka":
                return await self._stack.ensure_kafka(self._observer.downloading)
            case "local":
                return await self._stack.ensure_postgres()


async def _given(part: Part) -> str:
    address = os.environ[VARIABLES[part]]
    answers: Callable[[str], Awaitable[bool]] = kafka.answers if part == "kafka" else postgres.answers
    deadline = time.monotonic() + ANSWER_BUDGET_S
    while not await answers(address):
        if time.monotonic() > deadline:
            raise StackFailure(
                f"nothing answers at the address in {VARIABLES[part]}",
                f"correct or unset {VARIABLES[part]}, or start what should be there",
            )
        await asyncio.sleep(0.5)
    return address
