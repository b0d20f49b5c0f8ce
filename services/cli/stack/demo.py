"""`vita demo`: a population that signs in, is edited a little, and is shown."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli import addresses
from services.cli.access import bearer_token
from services.cli.failure import CommandFailed
from services.cli.output import story
from services.cli.running import run

if TYPE_CHECKING:
    from rich.console import Console

    from deploy.local.services import Stack

TENANT: Final = "demo"
DEFAULT_SIZE: Final = 1000
DEFAULT_SEED: Final = 7

Size = Annotated[int, typer.Option(min=100, help="How many people.")]
Seed = Annotated[int, typer.Option(help="Another seed, other people.")]


def register(app: typer.Typer, panel: str) -> None:
    """Adds the command."""
    app.command(rich_help_panel=panel)(demo)


def demo(size: Size = DEFAULT_SIZE, seed: Seed = DEFAULT_SEED) -> None:
    """Publish a demo population to the local stack and show what became of it. A second run doubles nothing.

    Example: vita demo --size 5000 --seed 42
    """
    stack = addresses.local_stack()
    if stack is None:
        raise CommandFailed("the demo needs the local stack", "start it with `vita up`")
    token = bearer_token(None, stack.management_url)
    run(run_demo(stack, token, story(), size=size, seed=seed))


async def run_demo(stack: "Stack", token: str, console: "Console", *, size: int, seed: int) -> None:
    """The demo on this stack, with the events behind one person read from the log. Raises DemoError."""
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
        verify=addresses.trusted(stack.management_url, stack.ingest_url),
    )
