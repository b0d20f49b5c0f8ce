"""`vita logins send`: sends login events to ingest, as a gateway does."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer

from services.cli.failure import CommandFailed
from services.cli.options import AsJson, IngestUrl, ManagementUrl, Token

app = typer.Typer(help="Publish login events.", no_args_is_help=True)

File = Annotated[
    str, typer.Argument(metavar="FILE.ndjson|-", help="File with one login event per line; - reads stdin.")
]


@app.callback()
def group() -> None:
    """Publish login events."""


@app.command()
def send(
    file: File,
    as_json: AsJson = False,
    ingest_url: IngestUrl = None,
    management_url: ManagementUrl = None,
    token: Token = None,
) -> None:
    """Publish login events, one JSON object per line; rejected events are listed by line number.

    The exit code is 1 if an event was rejected. Sending a file again is safe: an event counts once.

    Example: vita logins send yesterday.ndjson

    Raises typer.Exit with code 1 when an event was rejected.
    """
    from services.cli import addresses
    from services.cli.access import ingest_token
    from services.cli.logins.sending import Ingest, send_all

    url = addresses.ingest_url(ingest_url)
    with _opened(file) as lines, Ingest(url, ingest_token(token, url, management_url)) as ingest:
        size = None if file == "-" else Path(file).stat().st_size
        summary = send_all(ingest, lines, size, shows=not as_json)
    summary.show(as_json)
    if summary.rejections:
        raise typer.Exit(1)


@contextmanager
def _opened(file: str) -> Iterator[IO[bytes]]:
    if file == "-":
        yield sys.stdin.buffer
        return
    if not Path(file).is_file():
        raise CommandFailed(f"the file {file} does not exist", "name a file, or - to read stdin")
    with Path(file).open("rb") as lines:
        yield lines
