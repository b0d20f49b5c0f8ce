"""The program `vita`: all commands, and how their failures are reported. Commands import heavy modules when
they run."""

import inspect
import os
import sys
from typing import Annotated

import typer

from services.cli.config import config
from services.cli.dead_letters import dlq
from services.cli.failure import explain
from services.cli.log import audit, tail
from services.cli.logins import logins
from services.cli.stack import demo, env, logs, stack
from services.cli.status import status
from services.cli.tenants import clients, gateways, keys, tenants
from services.cli.users import explain as explain_user
from services.cli.users import history, users
from services.cli.views import rebuild, repair, whatif

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
    """Options that apply to every command."""


stack.register(app, _STACK)
logs.register(app, _STACK)
status.register(app, _STACK)
env.register(app, _STACK)
demo.register(app, _STACK)
app.add_typer(logins.app, name="logins", rich_help_panel=_DATA)
app.add_typer(users.app, name="users", rich_help_panel=_DATA)
history.register(app, _DATA)
explain_user.register(app, _DATA)
tail.register(app, _DATA)
app.add_typer(dlq.app, name="dlq", rich_help_panel=_ADMIN)
app.add_typer(audit.app, name="audit", rich_help_panel=_ADMIN)
app.add_typer(tenants.app, name="tenants", rich_help_panel=_ADMIN)
app.add_typer(clients.app, name="clients", rich_help_panel=_ADMIN)
app.add_typer(keys.app, name="keys", rich_help_panel=_ADMIN)
app.add_typer(gateways.app, name="gateways", rich_help_panel=_ADMIN)
rebuild.register(app, _ADMIN)
repair.register(app, _ADMIN)
whatif.register(app, _ADMIN)
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
        print("vita (not installed, run from its source folder)")


def _let_flow(group: typer.Typer) -> None:
    """Prepare each command's help from its docstring.

    Lines are joined so that the terminal breaks them, and the paragraph that lists exceptions is left out.
    """
    for command in group.registered_commands:
        if command.callback is not None:
            paragraphs = (inspect.getdoc(command.callback) or "").split("\n\n")
            command.help = "\n\n".join(
                paragraph.replace("\n", " ")
                for paragraph in paragraphs
                if not paragraph.startswith("Raises ")
            )
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            _let_flow(inner.typer_instance)


_let_flow(app)


def main() -> None:
    """Run the command line.

    The exit code is 0 if the command succeeded, 1 if it failed and 2 if its options were wrong.
    """
    try:
        app(prog_name="vita")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("VITA_DEBUG"):
            raise
        text = explain(error)
        if text is None:
            text = (
                f"unexpected {type(error).__name__}: run the command again with VITA_DEBUG=1 for a traceback"
            )
        print(f"vita: {text}", file=sys.stderr)
        sys.exit(1)
