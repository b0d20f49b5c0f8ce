"""`vita status`: who is at work, how far behind, and whether the broker and the database are well."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli import addresses
from services.cli.options import AsJson, Database, IngestUrl, Kafka, ManagementUrl, TopicPrefix
from services.cli.output import out, print_json
from services.cli.running import run

if TYPE_CHECKING:
    from services.cli.status.probe import Where

_PERIOD_SECONDS: Final = 1.0

MostLetters = Annotated[
    int,
    typer.Option(
        envvar="VITA_MOST_DEAD_LETTERS",
        metavar="N",
        min=0,
        help="The command exits with 1 when more records were quarantined within 24 hours.",
    ),
]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Look again every second, until Ctrl-C.")]


def register(app: typer.Typer, panel: str) -> None:
    """Adds the command."""
    app.command(rich_help_panel=panel)(status)


def status(
    watch: Watch = False,
    most_dead_letters: MostLetters = 100,
    as_json: AsJson = False,
    kafka_bootstrap: Kafka = None,
    topic_prefix: TopicPrefix = None,
    database_url: Database = None,
    management_url: ManagementUrl = None,
    ingest_url: IngestUrl = None,
) -> None:
    """Show every worker with its lag, the health of the broker and the database, and dead letters by reason.

    Exit code 0 when all are up and not too many records were quarantined, 1 otherwise.

    Example: vita status --watch
    """
    from services.cli.status.present import as_document, as_table
    from services.cli.status.probe import Where, look

    if watch and as_json:
        raise typer.BadParameter("--watch is for people, --json for programs: choose one")
    urls = addresses.service_urls(management_url, ingest_url, local=not database_url)
    kafka, database = addresses.kafka(kafka_bootstrap), addresses.ledger(database_url).url
    where = Where(kafka, database, addresses.topic_prefix(topic_prefix, kafka), urls)
    if watch:
        run(_watch(where, most_dead_letters))
        return
    health = run(look(where, most_dead_letters))
    if as_json:
        print_json(as_document(health))
    else:
        out().print(as_table(health))
    if not health.ok:
        raise typer.Exit(1)


async def _watch(where: "Where", most_dead_letters: int) -> None:
    from rich.live import Live

    from services.cli.status.present import as_table
    from services.cli.status.probe import look

    with Live(console=out(), auto_refresh=False) as live:
        while True:
            live.update(as_table(await look(where, most_dead_letters)), refresh=True)
            await asyncio.sleep(_PERIOD_SECONDS)
