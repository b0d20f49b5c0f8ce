"""`vita audit …`: verifies the audit trail against the log and exports its public keys."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import addresses
from services.cli.event_loop import run
from services.cli.failure import CommandFailed
from services.cli.options import AsJson, Database, Kafka, KeyProvider, TopicPrefix
from services.cli.output import out, print_json, safe, stderr_console

if TYPE_CHECKING:
    from services.auditor.report import Report
    from services.auditor.verify_checkpoints import TrustedKeys
    from services.runtime.kafka.access import KafkaAccess

app = typer.Typer(help="Verify the audit trail.", no_args_is_help=True)

Trust = Annotated[
    str | None,
    typer.Option(
        envvar="VITA_CHECKPOINT_KEY",
        metavar="file:PATH",
        help="PEM file with the checkpoint keys to trust; public keys suffice.",
        show_default="beside the key-encryption key",
    ),
]


@app.command()
def verify(
    trust: Trust = None,
    as_json: AsJson = False,
    database_url: Database = None,
    key_provider: KeyProvider = None,
    kafka_bootstrap: Kafka = None,
    topic_prefix: TopicPrefix = None,
) -> None:
    """Recompute the trail from Kafka, compare every row and every signature, and report the first
    difference.

    The exit code is 1 if anything differs. The command can run while services work and changes nothing.

    Example: vita audit verify

    Raises typer.Exit with code 1 when anything differs.
    """
    from schemas.topics import Topic

    ledger = addresses.ledger(database_url, key_provider)
    keys = _trusted(trust, ledger)
    kafka = addresses.kafka(kafka_bootstrap)
    topic = addresses.topic(addresses.topic_prefix(topic_prefix, kafka), Topic.PROFILE_EVENTS)
    report = run(_verify(kafka, ledger.url, topic, keys, shows=not as_json))
    if as_json:
        print_json(report.as_json())
    else:
        _show(report)
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def key(
    trust: Trust = None,
    as_json: AsJson = False,
    database_url: Database = None,
    key_provider: KeyProvider = None,
) -> None:
    """Print the public keys that verify the trail's signatures, for auditors outside of Vita.

    Example: vita audit key > checkpoint-keys.pem
    """
    from services.auditor.signing import export

    keys = _trusted(trust, addresses.ledger(database_url, key_provider))
    if as_json:
        print_json([{"key_id": name, "public_key": export(key).decode()} for name, key in keys.items()])
        return
    for name, public in keys.items():
        print(f"# {name}\n{export(public).decode()}", end="")


def _trusted(provider: str | None, ledger: addresses.Ledger) -> "TrustedKeys":
    from services.auditor.signing import default_provider, trusted_keys

    try:
        return trusted_keys(provider or default_provider(ledger.key_provider))
    except FileNotFoundError as error:
        raise CommandFailed(
            f"the checkpoint key {error.filename} does not exist",
            "start the auditor, which creates it, or name a file with --trust",
        ) from None
    except ValueError as error:
        raise CommandFailed(str(error), "name a PEM file: --trust file:PATH") from None


async def _verify(
    kafka: "KafkaAccess", database_url: str, topic: str, keys: "TrustedKeys", *, shows: bool
) -> "Report":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from services.auditor.verify import verify as verify_trail

    columns = (
        TextColumn("verifying"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("leaves"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=stderr_console(), disable=not shows) as progress:
        task = progress.add_task("", total=None)

        def advance(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        try:
            return await verify_trail(kafka, database_url, topic, keys, advance)
        except LookupError as error:
            raise CommandFailed(str(error), "check VITA_KAFKA_BOOTSTRAP and VITA_TOPIC_PREFIX") from None


def _show(report: "Report") -> None:
    signed = f"{report.checkpoints:,} signed checkpoint{'' if report.checkpoints == 1 else 's'}"
    found = f"{report.leaves:,} leaves in {len(report.partitions)} trees, {signed}, {report.seconds:.1f} s"
    waiting = f"; {report.lag:,} records are not audited yet" if report.lag else ""
    if report.first is None:
        out().print(f"The trail of {report.topic} matches the log: {found}{waiting}.", soft_wrap=True)
        return
    out().print(f"The trail of {report.topic} DIFFERS ({found}).", soft_wrap=True)
    for difference in report.differences:
        out().print(f"  {safe(str(difference))}", markup=False, soft_wrap=True)
    out().print(
        "Do not change anything. Copy the database and Kafka's data, then find out who had write access.",
        soft_wrap=True,
    )
