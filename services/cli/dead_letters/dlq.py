"""`vita dlq …`: lists, opens, replays and drops dead letters, which are records that could not be
processed."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli import addresses
from services.cli.access import bearer_token
from services.cli.event_loop import run
from services.cli.failure import CommandFailed
from services.cli.options import AsJson, Database, Kafka, KeyProvider, ManagementUrl, Token, TopicPrefix
from services.cli.output import out, print_json, print_table, safe

if TYPE_CHECKING:
    from services.cli.dead_letters.settling import SettlingAccess

app = typer.Typer(help="List quarantined records, open them, replay or drop them.", no_args_is_help=True)

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
Places = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TOPIC/PARTITION/OFFSET…", help="Positions of records, as printed by `vita dlq list`."
    ),
]
Settled = Annotated[bool, typer.Option("--settled", help="Also those that were replayed or dropped.")]
Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait for the workers.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
_COLUMNS = ("record", "reason", "tenant", "age", "state", "detail", "opened by")


@app.command("list")
def list_letters(
    tenant: Tenant = None,
    reason: Reason = None,
    limit: Limit = 100,
    settled: Settled = False,
    as_json: AsJson = False,
    database_url: Database = None,
) -> None:
    """Show quarantined records with their position, reason, tenant if known, and age.

    Example: vita dlq list --tenant acme --reason unknown_connection
    """
    from services.cli.dead_letters.dead_letters import list_dead_letters

    rows = run(list_dead_letters(addresses.ledger(database_url).url, tenant, reason, limit, settled))
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


@app.command()
def replay(
    places: Places = None,
    reason: Reason = None,
    wait: Wait = 30.0,
    as_json: AsJson = False,
    database_url: Database = None,
    key_provider: KeyProvider = None,
    management_url: ManagementUrl = None,
    token: Token = None,
) -> None:
    """Process quarantined records again, after the cause was removed. Each takes effect once.

    Names records, or all with a reason, of the token's tenant or of none that is known. The workers replay
    them in the order of the topic. A record that is still refused stays quarantined with its present reason.
    The token needs the scope update:dead_letters.

    Example: vita dlq replay --reason unknown_connection

    Raises typer.Exit with code 1 when a record is still refused or no worker replayed it in time.
    """
    from services.cli.dead_letters import settling

    access = _access(places, reason, database_url, key_provider, management_url, token)
    found = run(settling.replay(access, places or [], reason, wait))
    if as_json:
        print_json(found)
    else:
        rows = [(one["record"], one["outcome"] or "not yet", _again(one)) for one in found]
        print_table(("record", "outcome", "why"), rows)
    if any(one["outcome"] != "replayed" for one in found):
        raise typer.Exit(1)


@app.command()
def drop(
    places: Places = None,
    reason: Reason = None,
    yes: Yes = False,
    as_json: AsJson = False,
    database_url: Database = None,
    key_provider: KeyProvider = None,
    management_url: ManagementUrl = None,
    token: Token = None,
) -> None:
    """Settle quarantined records that shall never be processed. They are no longer counted or listed.

    Their sealed content expires with its topic. The token needs the scope update:dead_letters.

    Example: vita dlq drop logins.raw/3/1042 --yes

    Raises CommandFailed when stdin is not a terminal and `--yes` is missing.
    """
    import sys

    from services.cli.dead_letters import settling

    access = _access(places, reason, database_url, key_provider, management_url, token)
    if not yes:
        if not sys.stdin.isatty():
            raise CommandFailed(
                "dropping cannot be confirmed without a terminal", "add --yes to drop without confirmation"
            )
        what = f"{len(places)} records" if places else f"all records with the reason {safe(str(reason))}"
        typer.confirm(f"Drop {what}?", abort=True, err=True)
    dropped = run(settling.drop(access, places or [], reason))
    if as_json:
        print_json({"dropped": dropped})
    else:
        out().print(f"{len(dropped)} dead letters are dropped.")


def _access(
    places: list[str] | None,
    reason: str | None,
    database_url: str | None,
    key_provider: str | None,
    management_url: str | None,
    token: str | None,
) -> "SettlingAccess":
    """Return the access that settles the records named. Raises typer.BadParameter when none are named."""
    from services.cli.dead_letters.settling import SettlingAccess

    if not places and reason is None:
        raise typer.BadParameter("name records, or give --reason")
    for place in places or ():
        _parsed(place)
    url = addresses.management_url(management_url)
    return SettlingAccess(addresses.ledger(database_url, key_provider), url, bearer_token(token, url))


def _again(found: dict[str, Any]) -> str:
    if found["outcome"] == "replayed":
        return ""
    return f"{found['why']} {found['detail']}" if found["outcome"] else "no worker has replayed it yet"


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
        _age(row["age_seconds"]), row["state"], row["detail"], row["opened_by"],
    ]  # fmt: skip


def _age(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
