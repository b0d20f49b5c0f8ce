"""`vita up`, `vita down`, `vita clean`: the local stack of this checkout."""

from typing import Annotated

import typer

from services.cli import addresses
from services.cli.output import story
from services.cli.running import run

Demo = Annotated[
    bool, typer.Option("--demo/--no-demo", help="Fill it with a demo population the first time.")
]

Tls = Annotated[
    bool | None,
    typer.Option("--tls/--no-tls", help="Serve HTTPS by a local certificate authority, or stop it."),
]


def register(app: typer.Typer, panel: str) -> None:
    """Adds the commands."""
    for command in (up, down, clean):
        app.command(rich_help_panel=panel)(command)


def up(demo: Demo = True, tls: Tls = None) -> None:
    """Start everything that does not run yet; quick when all does. Data is kept.

    Kafka and PostgreSQL are those in VITA_KAFKA_BOOTSTRAP and VITA_POSTGRES_ADMIN_URL if set, else containers
    where Docker answers, else processes of their own. HTTPS is for localhost, or the name in VITA_DOMAIN.

    Example: vita up --no-demo --tls
    """
    from services.cli.stack.demo_setup import bring_up
    from services.cli.stack.env import forget_exports

    forget_exports()
    addresses.local_stack.cache_clear()
    run(bring_up(story(), demo=demo, tls=tls))


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
