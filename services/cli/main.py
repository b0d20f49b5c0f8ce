"""`vita`: every command, and how each of them ends. Commands import what is heavy when they run."""

import inspect
import os
import sys
from typing import Annotated

import typer

from services.cli.config import config
from services.cli.dead_letters import dlq
from services.cli.failure import explained
from services.cli.log import audit, tail
from services.cli.logins import logins
from services.cli.stack import demo, env, logs, stack
from services.cli.status import status
from services.cli.tenants import clients, gateways, keys, tenants
from services.cli.users import users

app = typer.Typer(
    name="vita",
    help="Vita keeps user profiles as a sealed, provable history of every login and every edit.\n\n"
    "Start with [bold]vita up[/], then [bold]vita status[/] and [bold]vita users list[/].",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_STACK, _DATA, _ADMIN = "The local stack", "Logins, users, events", "Administration"


def _version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Nothing but what every command shares."""


stack.register(app, _STACK)
logs.register(app, _STACK)
status.register(app, _STACK)
env.register(app, _STACK)
demo.register(app, _STACK)
app.add_typer(logins.app, name="logins", rich_help_panel=_DATA)
app.add_typer(users.app, name="users", rich_help_panel=_DATA)
tail.register(app, _DATA)
app.add_typer(dlq.app, name="dlq", rich_help_panel=_ADMIN)
app.add_typer(audit.app, name="audit", rich_help_panel=_ADMIN)
app.add_typer(tenants.app, name="tenants", rich_help_panel=_ADMIN)
app.add_typer(clients.app, name="clients", rich_help_panel=_ADMIN)
app.add_typer(keys.app, name="keys", rich_help_panel=_ADMIN)
app.add_typer(gateways.app, name="gateways", rich_help_panel=_ADMIN)
config.register(app, _ADMIN)


@app.command(rich_help_panel=_ADMIN)
def version() -> None:
    """Show the version.

    Example: vita version
    """
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        print(f"vita {installed('vita')}")
    except PackageNotFoundError:
        print("vita, not installed: run from its source folder")


def _let_flow(group: typer.Typer) -> None:
    """Have terminals, not this code, break the lines in the paragraphs of each command's help."""
    for command in group.registered_commands:
        if command.callback is not None:
            paragraphs = (inspect.getdoc(command.callback) or "").split("\n\n")
            command.help = "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            _let_flow(inner.typer_instance)


_let_flow(app)


def main() -> None:
    """Exit code 0: the command did what it was asked; 1: it could not; 2: it was asked wrongly."""
    try:
        app(prog_name="vita")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("VITA_DEBUG"):
            raise
        text = explained(error)
        if text is None:
            text = f"unexpected {type(error).__name__}: run it again with VITA_DEBUG=1 to see where"
        print(f"vita: {text}", file=sys.stderr)
        sys.exit(1)
