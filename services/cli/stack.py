"""`vita up`, `vita down`, `vita clean`: the local stack of this checkout."""

from typing import Annotated

import typer

from services.cli import places
from services.cli.output import story
from services.cli.running import run

Demo = Annotated[
    bool, typer.Option("--demo/--no-demo", help="Fill it with a demo population the first time.")
]


def register(app: typer.Typer, panel: str) -> None:
    """Adds the commands."""
    for command in (up, down, clean):
        app.command(rich_help_panel=panel)(command)


def up(demo: Demo = True) -> None:
    """Start everything that does not run yet; quick when all does. Data is kept.

    Kafka and PostgreSQL are those in VITA_KAFKA_BOOTSTRAP and VITA_POSTGRES_ADMIN_URL if set, else containers
    where Docker answers, else processes of their own.

    Example: vita up --no-demo
    """
    from services.cli.bringing_up import bring_up
    from services.cli.env import forget_exports

    forget_exports()
    places.local_stack.cache_clear()
    run(bring_up(story(), demo=demo))


def down() -> None:
    """Stop everything of the local stack; the data stays.

    Example: vita down
    """
    from deploy.local import up as local

    run(local.down(story()))


def clean() -> None:
    """Stop everything of the local stack and remove its data, its keys and its logs.

    Example: vita clean
    """
    from deploy.local import up as local

    run(local.clean(story()))
