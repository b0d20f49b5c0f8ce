"""`vita logs`: prints the log files of the local stack."""

from typing import Annotated

import typer

from services.cli.failure import CommandFailed

Service = Annotated[
    str | None, typer.Argument(metavar="[SERVICE]", help="kafka, postgres, management, ingest, …")
]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Wait for more lines.")]
Lines = Annotated[
    int, typer.Option("--lines", "-n", min=0, help="Number of lines to show from the end of each log.")
]


def register(app: typer.Typer, panel: str) -> None:
    """Add the command to `app`."""
    app.command(rich_help_panel=panel)(logs)


def logs(service: Service = None, follow: Follow = False, lines: Lines = 50) -> None:
    """Show the logs of one part of the local stack, or of all parts.

    Example: vita logs projector -f

    Raises CommandFailed when there are no logs, or none of `service`.
    """
    from deploy.local.state import default_state_dir
    from services.cli.stack.log_files import show

    folder = default_state_dir() / "logs"
    found = {path.stem: path for path in sorted(folder.glob("*.log"))}
    if not found:
        raise CommandFailed("there are no logs yet", "start the stack with `vita up`")
    if service is not None and service not in found:
        raise CommandFailed(f"there is no log of a part {service}", f"name one of: {', '.join(found)}")
    show({service: found[service]} if service else found, lines, follows=follow)
