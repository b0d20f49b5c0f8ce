"""`vita config`: prints every variable that a service reads."""

from typing import Annotated

import typer

from services.cli.options import AsJson
from services.cli.output import print_json, print_table

Markdown = Annotated[
    bool, typer.Option("--markdown", help="Print the table of deploy/README.md, without values.")
]


def register(app: typer.Typer, panel: str) -> None:
    """Add the command to `app`."""
    app.command(rich_help_panel=panel)(config)


def config(as_json: AsJson = False, markdown: Markdown = False) -> None:
    """Show the variables of the services: which service reads each one, default, meaning, value in this
    shell.

    Secrets are masked.

    Example: vita config --json

    Raises typer.BadParameter when both `--json` and `--markdown` are given.
    """
    from services.cli.config.reference import as_documents, as_markdown, as_rows

    if as_json and markdown:
        raise typer.BadParameter("--json and --markdown cannot be combined")
    if markdown:
        print(as_markdown())
    elif as_json:
        print_json(as_documents())
    else:
        print_table(("variable", "services", "default", "meaning", "value"), as_rows())
