"""`vita tail`: prints the event log as it grows."""

from typing import Annotated, Any

import typer

from services.cli import addresses
from services.cli.access import bearer_token
from services.cli.event_loop import run
from services.cli.options import AsJson, Database, Kafka, KeyProvider, ManagementUrl, Token, TopicPrefix
from services.cli.output import note, print_json_line, print_line, safe, shown

Tenant = Annotated[str | None, typer.Option(help="Only events of this tenant.")]
Type = Annotated[
    str | None,
    typer.Option(
        "--type", metavar="PATTERN", help="Only events whose type matches, for example 'profile.login.*'."
    ),
]
Subject = Annotated[str | None, typer.Option(help="Only events of this subject, for example sub_0190….")]
FromBeginning = Annotated[bool, typer.Option("--from-beginning", help="Start with the oldest event.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Stop after this number of events.")]
Follow = Annotated[
    bool, typer.Option("--follow/--no-follow", help="Wait for more events at the end of the log.")
]
Open = Annotated[
    bool,
    typer.Option(
        "--open", help="Open the sealed parts of your tenant's events; the token needs read:events."
    ),
]


def register(app: typer.Typer, panel: str) -> None:
    """Add the command to `app`."""
    app.command(rich_help_panel=panel)(tail)


def tail(
    tenant: Tenant = None,
    event_type: Type = None,
    subject: Subject = None,
    from_beginning: FromBeginning = False,
    follow: Follow = True,
    limit: Limit = None,
    open_sealed: Open = False,
    as_json: AsJson = False,
    kafka_bootstrap: Kafka = None,
    topic_prefix: TopicPrefix = None,
    management_url: ManagementUrl = None,
    token: Token = None,
    database_url: Database = None,
    key_provider: KeyProvider = None,
) -> None:
    """Follow the event log. A line shows time, type, tenant, subject, actor and position.

    Personal data stays sealed unless you pass --open and your token has the scope read:events. Only
    opening an event verifies it: without --open, anyone who can write to the topic may have written the
    line. With --json, a line is the whole event, and its member `verified` tells whether the event was
    verified.

    Example: vita tail --type 'profile.login.*' --from-beginning --limit 20
    """
    from schemas.topics import Topic
    from services.cli.log.event_filter import EventFilter
    from services.cli.log.follow import LogRange, UnsealAccess, follow_log

    kafka = addresses.kafka(kafka_bootstrap)
    topic = addresses.topic(addresses.topic_prefix(topic_prefix, kafka), Topic.PROFILE_EVENTS)
    source = LogRange(kafka, topic, from_beginning, follow, limit)
    access = None
    if open_sealed:
        url = addresses.management_url(management_url)
        access = UnsealAccess(addresses.ledger(database_url, key_provider), url, bearer_token(token, url))
    if access is None:
        note(
            "Events are not verified without --open: anyone who can write to the topic may have written them."
        )
    show = print_json_line if as_json else _print_line
    run(follow_log(source, EventFilter(tenant, event_type, subject), access, show))


def _print_line(event: dict[str, Any]) -> None:
    cells = (safe(str(event.get(name, ""))) for name in ("time", "type", "tenant", "subject", "actor"))
    time, name, tenant, subject, actor = cells
    print_line(f"{time:<24} {name:<29} {tenant:<10} {subject:<37} {actor:<30} {event['position']}")
    if "unreadable" in event:
        print_line(f"    {safe(str(event['unreadable']))}")
    elif "sealed" not in event["data"]:
        for field, value in event["data"].items():
            print_line(f"    {field:<16} {safe(shown(value))}")
