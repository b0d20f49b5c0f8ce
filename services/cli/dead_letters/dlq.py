"""`vita dlq …`: records that could not be processed, kept whole and sealed."""

from typing import Annotated, Any

import typer

from services.cli import addresses
from services.cli.access import bearer_token
from services.cli.failure import CommandFailed
from services.cli.options import AsJson, Database, Kafka, KeyProvider, ManagementUrl, Token, TopicPrefix
from services.cli.output import out, print_json, print_table, safe
from services.cli.running import run

app = typer.Typer(help="List quarantined records and open them.", no_args_is_help=True)

Tenant = Annotated[str | None, typer.Option(help="Only those known to be of this tenant.")]
Reason = Annotated[str | None, typer.Option(help="Only those with this reason, as in unknown_connection.")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")]
PlaceOfLetter = Annotated[
    str,
    typer.Argument(metavar="TOPIC/PARTITION/OFFSET", help="Where the record stood, as `vita dlq list` says."),
]
_COLUMNS = ("record", "reason", "tenant", "age", "detail", "opened by")


@app.command("list")
def list_letters(
    tenant: Tenant = None,
    reason: Reason = None,
    limit: Limit = 100,
    as_json: AsJson = False,
    database_url: Database = None,
) -> None:
    """Show quarantined records: where they stood, why, whose they are if known, and how old they are.

    Example: vita dlq list --tenant acme --reason unknown_connection
    """
    from services.cli.dead_letters.letters import list_of

    rows = run(list_of(addresses.ledger(database_url).url, tenant, reason, limit))
    if as_json:
        print_json(rows)
    elif rows:
        print_table(_COLUMNS, [_cells(row) for row in rows])
    else:
        out().print("No dead letters: every record was processed, or has been kept longer than 30 days.")


@app.command()
def show(
    place: PlaceOfLetter,
    as_json: AsJson = False,
    database_url: Database = None,
    key_provider: KeyProvider = None,
    kafka_bootstrap: Kafka = None,
    topic_prefix: TopicPrefix = None,
    management_url: ManagementUrl = None,
    token: Token = None,
) -> None:
    """Open a quarantined record: its key, headers and value as they were sent.

    The token needs the scope read:dead_letters and must be of the record's tenant where that is known. Who
    opened a record is noted beside it.

    Example: vita dlq show logins.raw/3/1042
    """
    from services.cli.dead_letters.letters import Desk, open_letter

    kafka, url = addresses.kafka(kafka_bootstrap), addresses.management_url(management_url)
    ledger, prefix = addresses.ledger(database_url, key_provider), addresses.topic_prefix(topic_prefix, kafka)
    letter = run(open_letter(Desk(ledger, kafka, prefix, url, bearer_token(token, url)), _parsed(place)))
    if as_json:
        print_json(letter)
        return
    for name in ("record", "reason", "why", "detail", "tenant", "time", "key", "headers"):
        out().print(f"{name:<8} {safe(str(letter[name]))}", markup=False)
    out().print(safe(str(letter["value"])), markup=False, soft_wrap=True)
    if not letter["whole"]:
        out().print("(Only the beginning was kept: the record was too large.)")


def _parsed(place: str) -> tuple[str, int, int]:
    topic, _, rest = place.rpartition("/")
    topic, _, partition = topic.rpartition("/")
    if not (topic and partition.isdigit() and rest.isdigit() and len(partition) < 10 and len(rest) < 19):
        raise CommandFailed(f"{place} is no place of a record", "give TOPIC/PARTITION/OFFSET: vita dlq list")
    return topic, int(partition), int(rest)


def _cells(row: dict[str, Any]) -> list[object]:
    return [
        f"{row['topic']}/{row['partition']}/{row['offset']}", row["reason"], row["tenant"],
        _age(row["age_seconds"]), row["detail"], row["opened_by"],
    ]  # fmt: skip


def _age(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
