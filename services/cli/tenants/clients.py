"""`vita clients …`: creates and lists the API clients of a tenant."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli import addresses
from services.cli.event_loop import run
from services.cli.options import AsJson, Database, Kafka, KeyProvider, TopicPrefix
from services.cli.output import note, out, print_json, print_table
from services.cli.tenants.scopes import expand_scopes, unknown_scopes

if TYPE_CHECKING:
    from services.cli.tenants.registration import NewClient

app = typer.Typer(help="Create and list API clients.", no_args_is_help=True)

Tenant = Annotated[str, typer.Option(envvar="VITA_TENANT", help="Tenant that the client belongs to.")]
AnyTenant = Annotated[str | None, typer.Option(help="Only clients of this tenant.")]
Name = Annotated[str, typer.Option(help="Display name.")]
Scopes = Annotated[
    list[str],
    typer.Option(
        "--scope", metavar="SCOPE", help="Scope to grant; repeatable. `all-demo` grants every scope."
    ),
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
    """Create an API client. Its secret is shown once; Vita keeps only a hash.

    Example: vita clients create --tenant acme --name gateway --scope publish:logins --scope read:users
    """
    from schemas.topics import Topic
    from services.cli.tenants.registration import NewClient, configure_client
    from services.runtime.auth.client_secrets import new_client_id, new_client_secret

    client = NewClient(tenant, new_client_id(), name, expand_scopes(scope), new_client_secret())
    ledger, kafka = addresses.ledger(database_url, key_provider), addresses.kafka(kafka_bootstrap)
    topic = addresses.topic(addresses.topic_prefix(topic_prefix, kafka), Topic.PROFILE_EVENTS)
    visible = run(configure_client(ledger, kafka, topic, client))
    _show(client, as_json)
    if unused := unknown_scopes(client.scopes):
        note(f"No part of Vita requires {', '.join(unused)}.")
    if not visible:
        note("The client is recorded and can be used once the projector has caught up (`vita status`).")


@app.command("list")
def list_clients(tenant: AnyTenant = None, as_json: AsJson = False, database_url: Database = None) -> None:
    """Show API clients with their scopes.

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
    values = {
        "tenant": client.tenant,
        "name": client.name,
        "client_id": client.client_id,
        "client_secret": client.secret,
        "scopes": list(client.scopes),
    }
    if as_json:
        print_json(values)
        return
    for name, value in values.items():
        text = " ".join(value) if isinstance(value, list) else value
        out().print(f"{name:<14} {text}", markup=False, soft_wrap=True)
    note("Store the secret now: it is not shown again.")


async def _list(url: str, tenant: str | None) -> list[dict[str, Any]]:
    from services.cli.ledger import operator
    from services.queries.clients import list_client_summaries

    async with operator(url) as connection:
        return [dict(row) for row in await list_client_summaries(connection, tenant)]
