"""`vita clients …`: the API clients of a tenant."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli import addresses
from services.cli.options import AsJson, Database, Kafka, KeyProvider, TopicPrefix
from services.cli.output import note, out, print_json, print_table
from services.cli.running import run
from services.cli.tenants.scopes import expand, unknown

if TYPE_CHECKING:
    from services.cli.tenants.registration import NewClient

app = typer.Typer(help="Create and list API clients.", no_args_is_help=True)

Tenant = Annotated[str, typer.Option(envvar="VITA_TENANT", help="Whose client it is.")]
AnyTenant = Annotated[str | None, typer.Option(help="Only this tenant's.")]
Name = Annotated[str, typer.Option(help="What people call it.")]
Scopes = Annotated[
    list[str],
    typer.Option("--scope", metavar="SCOPE", help="What it may do; repeatable. `all-demo` is everything."),
]


@app.command()
def create(
    scope: Scopes,
    tenant: Tenant,
    name: Name = "API client",
    as_json: AsJson = False,
    database_url: Database = None,
    key_provider: KeyProvider = None,
    kafka_bootstrap: Kafka = None,
    topic_prefix: TopicPrefix = None,
) -> None:
    """Create an API client; its secret is shown this once and kept nowhere.

    Example: vita clients create --tenant acme --name gateway --scope publish:logins --scope read:users
    """
    from schemas.topics import Topic
    from services.cli.tenants.registration import NewClient, configure_client
    from services.runtime.auth.client_secrets import new_client_id, new_client_secret

    client = NewClient(tenant, new_client_id(), name, expand(scope), new_client_secret())
    ledger, kafka = addresses.ledger(database_url, key_provider), addresses.kafka(kafka_bootstrap)
    topic = addresses.topic(addresses.topic_prefix(topic_prefix, kafka), Topic.PROFILE_EVENTS)
    visible = run(configure_client(ledger, kafka, topic, client))
    _show(client, as_json)
    if strangers := unknown(client.scopes):
        note(f"No part of Vita asks for {', '.join(strangers)}.")
    if not visible:
        note("The client is recorded and will work as soon as the projector has caught up (`vita status`).")


@app.command("list")
def list_clients(tenant: AnyTenant = None, as_json: AsJson = False, database_url: Database = None) -> None:
    """Show API clients and what they may do.

    Example: vita clients list --tenant demo
    """
    rows = run(_list(addresses.ledger(database_url).url, tenant))
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("tenant", "client_id", "name", "scopes"),
            [(row["tenant"], row["client_id"], row["name"], " ".join(row["scopes"])) for row in rows],
        )


def _show(client: "NewClient", as_json: bool) -> None:
    shown = {
        "tenant": client.tenant,
        "name": client.name,
        "client_id": client.client_id,
        "client_secret": client.secret,
        "scopes": list(client.scopes),
    }
    if as_json:
        print_json(shown)
        return
    for name, value in shown.items():
        text = " ".join(value) if isinstance(value, list) else value
        out().print(f"{name:<14} {text}", markup=False, soft_wrap=True)
    note("The secret is not shown again: keep it now.")


async def _list(url: str, tenant: str | None) -> list[dict[str, Any]]:
    from services.cli.ledger import operator
    from services.runtime.postgres.named_queries import load

    async with operator(url) as connection:
        return [dict(row) for row in await connection.fetch(load("services.cli")["clients"], tenant)]
