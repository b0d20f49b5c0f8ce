"""`vita dlq …`: lists and opens dead letters, which are records that could not be processed."""

from typing import Annotated, Any

import typer

from services.cli import addresses
from services.cli.access import bearer_token
from services.cli.event_loop import run
from services.cli.failure import CommandFailed
from services.cli.options import AsJson, Database, Kafka, KeyProvider, ManagementUrl, Token, TopicPrefix
from services.cli.output import out, print_json, print_table, safe

app = typer.Typer(help="List quarantined records and open them.", no_args_is_help=True)

Tenant = Annotated[str | None, typer.Option(help="Only records that are known to belong to this tenant.")]
Reason = Annotated[
    str | None, typer.Option(help="Only records with this reason, for example unknown_connection.")
]
Limit = Annotated[int, typer.Option(min=1, help="Maximum number of records; the newest come first.")]
PlaceOfLetter = Annotated[
    str,
    typer.Argument(
        metavar="TOPIC/PARTITION/OFFSET", help="Position of the record, as printed by `vita dlq list`."
    ),
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
    """Show quarantined records with their position, reason, tenant if known, and age.

    Example: vita dlq list --tenant acme --reason unknown_connection
    """
    from services.cli.dead_letters.dead_letters import list_dead_letters

    rows = run(list_dead_letters(addresses.ledger(database_url).url, tenant, reason, limit))
    if as_json:
        print_json(rows)
    elif rows:
        print_table(_COLUMNS, [_cells(row) for row in rows])
    else:
        out().print(
            "There are no dead letters: every record was processed, or its dead letter has expired (30 days)."
        )


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
    """Open a quarantined record and show its key, headers and value as they were sent.

    The token needs the scope read:dead_letters. If the record's tenant is known, the token must belong to
    that tenant. Vita records which client last opened a record.

    Example: vita dlq show logins.raw/3/1042
    """
    from services.cli.dead_letters.dead_letters import DeadLetterAccess, open_record

    kafka, url = addresses.kafka(kafka_bootstrap), addresses.management_url(management_url)
    ledger, prefix = addresses.ledger(database_url, key_provider), addresses.topic_prefix(topic_prefix, kafka)
    letter = run(
        open_record(DeadLetterAccess(ledger, kafka, prefix, url, bearer_token(token, url)), _parsed(place))
    )
    if as_json:
        print_json(letter)
        return
    for name in ("record", "reason", "why", "detail", "tenant", "time", "key", "headers"):
        out().print(f"{name:<8} {safe(str(letter[name]))}", markup=False)
    out().print(safe(str(letter["value"])), markup=False, soft_wrap=True)
    if not letter["whole"]:
        out().print("(The value is truncated: the record was too large.)")


def _parsed(place: str) -> tuple[str, int, int]:
    topic, _, rest = place.rpartition("/")
    topic, _, partition = topic.rpartition("/")
    if not (topic and partition.isdigit() and rest.isdigit() and len(partition) < 10 and len(rest) < 19):
        raise CommandFailed(
            f"{place} is not the position of a record",
            "give TOPIC/PARTITION/OFFSET as printed by `vita dlq list`",
        )
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
