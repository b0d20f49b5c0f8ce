"""The options that several commands share; one that is not given is read from the environment."""

from typing import Annotated, Final

import typer

_PANEL: Final = "Where things are (default: the local stack)"

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]

ManagementUrl = Annotated[
    str | None,
    typer.Option(
        envvar="VITA_MANAGEMENT_URL", metavar="URL", help="The Management API.", rich_help_panel=_PANEL
    ),
]
IngestUrl = Annotated[
    str | None,
    typer.Option(envvar="VITA_INGEST_URL", metavar="URL", help="The ingest API.", rich_help_panel=_PANEL),
]
Token = Annotated[
    str | None,
    typer.Option(
        envvar="VITA_TOKEN",
        metavar="JWT",
        help="Bearer token; else one is fetched with VITA_CLIENT_ID and VITA_CLIENT_SECRET.",
        rich_help_panel=_PANEL,
    ),
]
Kafka = Annotated[
    str | None,
    typer.Option(
        envvar="VITA_KAFKA_BOOTSTRAP", metavar="HOST:PORT", help="The Kafka broker.", rich_help_panel=_PANEL
    ),
]
TopicPrefix = Annotated[
    str | None,
    typer.Option(
        envvar="VITA_TOPIC_PREFIX", metavar="TEXT", help="Prefix of all topics.", rich_help_panel=_PANEL
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        envvar="VITA_DATABASE_URL",
        metavar="URL",
        help="PostgreSQL, as the operator (`<database>_operator`).",
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
        help="PostgreSQL, as the role that makes keys (`<database>_keymaster`).",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
KeyProvider = Annotated[
    str | None,
    typer.Option(
        envvar="VITA_KEY_PROVIDER",
        metavar="file:PATH|env:NAME",
        help="The key-encryption key.",
        rich_help_panel=_PANEL,
    ),
]
