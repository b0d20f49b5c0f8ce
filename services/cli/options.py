"""Options that several commands share. Each can also be set by an environment variable."""

from typing import Annotated, Final

import typer

_PANEL: Final = "Addresses and credentials (default: those of the local stack)"

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]

ManagementUrl = Annotated[
    str | None,
    typer.Option(
        envvar="VITA_MANAGEMENT_URL", metavar="URL", help="URL of the Management API.", rich_help_panel=_PANEL
    ),
]
IngestUrl = Annotated[
    str | None,
    typer.Option(
        envvar="VITA_INGEST_URL", metavar="URL", help="URL of the ingest API.", rich_help_panel=_PANEL
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        envvar="VITA_TOKEN",
        metavar="JWT",
        help="Bearer token. Without it, one is fetched with VITA_CLIENT_ID and VITA_CLIENT_SECRET.",
        rich_help_panel=_PANEL,
    ),
]
Kafka = Annotated[
    str | None,
    typer.Option(
        envvar="VITA_KAFKA_BOOTSTRAP",
        metavar="HOST:PORT",
        help="Address of a Kafka broker.",
        rich_help_panel=_PANEL,
    ),
]
TopicPrefix = Annotated[
    str | None,
    typer.Option(
        envvar="VITA_TOPIC_PREFIX", metavar="TEXT", help="Prefix of all topic names.", rich_help_panel=_PANEL
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        envvar="VITA_DATABASE_URL",
        metavar="URL",
        help="PostgreSQL URL with the operator's role (`<database>_operator`).",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
KeymasterDatabase = Annotated[
    str | None,
    typer.Option(
        "--keymaster-url",
        envvar="VITA_KEYMASTER_DATABASE_URL",
        metavar="URL",
        help="PostgreSQL URL with the role that manages keys (`<database>_keymaster`).",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
KeyProvider = Annotated[
    str | None,
    typer.Option(
        envvar="VITA_KEY_PROVIDER",
        metavar="file:PATH|env:NAME",
        help="Where the key-encryption key is read from.",
        rich_help_panel=_PANEL,
    ),
]
