"""`vita demo`: publishes a population of demo users, edits some of them, and shows one."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli import addresses
from services.cli.access import bearer_token
from services.cli.event_loop import run
from services.cli.failure import CommandFailed
from services.cli.output import setup_console

if TYPE_CHECKING:
    from rich.console import Console

    from deploy.local.services import Stack

TENANT: Final = "demo"
DEFAULT_SIZE: Final = 1000
DEFAULT_SEED: Final = 7

Size = Annotated[int, typer.Option(min=100, help="Number of users.")]
Seed = Annotated[int, typer.Option(help="Seed of the random generator; another seed makes other users.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add the command to `app`."""
    app.command(rich_help_panel=panel)(demo)


def demo(size: Size = DEFAULT_SIZE, seed: Seed = DEFAULT_SEED) -> None:
    """Publish a demo population to the local stack and show the result. Running it again adds nothing.

    Example: vita demo --size 5000 --seed 42

    Raises CommandFailed when the local stack is not running.
    """
    stack = addresses.local_stack()
    if stack is None:
        raise CommandFailed("the demo needs the local stack", "start it with `vita up`")
    token = bearer_token(None, stack.management_url)
    run(run_demo(stack, token, setup_console(), size=size, seed=seed))


async def run_demo(stack: "Stack", token: str, console: "Console", *, size: int, seed: int) -> None:
    """Run the demo on this stack; the events of the user that is shown are read from the log.

    Raises DemoError when the population does not become visible or lacks what the demo shows.
    """
    from datetime import UTC, datetime

    from schemas.topics import Topic
    from services.cli.log.history import History
    from services.demo.run import run as run_population

    ledger = addresses.Ledger(stack.database_url("operator"), stack.key_provider)
    topic = addresses.topic(stack.topic_prefix, Topic.PROFILE_EVENTS)
    history = History(ledger, stack.kafka("operator"), topic, TENANT)
    await run_population(
        stack.ingest_url,
        stack.management_url,
        token,
        console,
        size=size,
        seed=seed,
        now=datetime.now(UTC),
        history=history.of_user,
        verify=addresses.tls_context(stack.management_url, stack.ingest_url),
    )
