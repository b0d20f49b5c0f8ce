"""`vita status`: shows the state and lag of every worker, and whether the broker and the database are up."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli import addresses
from services.cli.event_loop import run
from services.cli.options import AsJson, Database, IngestUrl, Kafka, ManagementUrl, TopicPrefix
from services.cli.output import out, print_json

if TYPE_CHECKING:
    from services.cli.status.probe import ProbeTargets

_PERIOD_SECONDS: Final = 1.0

MostLetters = Annotated[
    int,
    typer.Option(
        envvar="VITA_MOST_DEAD_LETTERS",
        metavar="N",
        min=0,
        help="Exit with code 1 if more records than this were quarantined within 24 hours.",
    ),
]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Refresh every second until Ctrl-C.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add the command to `app`."""
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
    """Show each worker with its lag, the state of the broker and the database, and dead letters by reason.

    The exit code is 0 if all parts are up and not too many records were quarantined, and 1 otherwise.

    Example: vita status --watch

    Raises typer.Exit with code 1 in that case, and typer.BadParameter when both `--watch` and `--json` are
    given.
    """
    from services.cli.status.present import as_document, as_table
    from services.cli.status.probe import ProbeTargets, probe

    if watch and as_json:
        raise typer.BadParameter("--watch and --json cannot be combined")
    urls = addresses.service_urls(management_url, ingest_url, local=not database_url)
    kafka, database = addresses.kafka(kafka_bootstrap), addresses.ledger(database_url).url
    stack = None if database_url else addresses.local_stack()
    targets = ProbeTargets(
        kafka,
        database,
        addresses.topic_prefix(topic_prefix, kafka),
        urls,
        {} if stack is None else stack.metrics_urls,
        None if stack is None else stack.state_dir,
    )
    if watch:
        run(_watch(targets, most_dead_letters))
        return
    health = run(probe(targets, most_dead_letters))
    if as_json:
        print_json(as_document(health))
    else:
        out().print(as_table(health))
    if not health.ok:
        raise typer.Exit(1)


async def _watch(targets: "ProbeTargets", most_dead_letters: int) -> None:
    from rich.live import Live

    from services.cli.status.present import as_table
    from services.cli.status.probe import probe

    with Live(console=out(), auto_refresh=False) as live:
        while True:
            live.update(as_table(await probe(targets, most_dead_letters)), refresh=True)
            await asyncio.sleep(_PERIOD_SECONDS)
