"""`vita up`, `vita down`, `vita clean`: starts, stops and removes the local stack of this checkout."""

from typing import Annotated

import typer

from services.cli import addresses
from services.cli.event_loop import run
from services.cli.output import setup_console

Demo = Annotated[bool, typer.Option("--demo/--no-demo", help="Publish a demo population on the first start.")]

Tls = Annotated[
    bool | None,
    typer.Option("--tls/--no-tls", help="Serve HTTPS with certificates of a local authority, or plain HTTP."),
]


def register(app: typer.Typer, panel: str) -> None:
    """Add the commands to `app`."""
    for command in (up, down, clean):
        app.command(rich_help_panel=panel)(command)


def up(demo: Demo = True, tls: Tls = None) -> None:
    """Start every part that is not running. Data is kept.

    Kafka and PostgreSQL are those that VITA_KAFKA_BOOTSTRAP and VITA_POSTGRES_ADMIN_URL name. Otherwise
    they run in containers if a Docker engine answers, or as local processes. HTTPS certificates are
    issued for localhost, or for the host in VITA_DOMAIN.

    Example: vita up --no-demo --tls
    """
    from services.cli.stack.demo_setup import bring_up
    from services.cli.stack.env import forget_exports

    forget_exports()
    addresses.local_stack.cache_clear()
    run(bring_up(setup_console(), demo=demo, tls=tls))


def down() -> None:
    """Stop the local stack. Data is kept.

    Example: vita down
    """
    from deploy.local import up as local

    run(local.down(setup_console()))


def clean() -> None:
    """Stop the local stack and remove its data, keys and logs.

    Example: vita clean
    """
    from deploy.local import up as local

    run(local.clean(setup_console()))
