"""`vita gateways …`: manages the keys of gateways that write logins to Kafka themselves."""

from datetime import timedelta
from typing import Annotated, Any

import typer

from services.cli import addresses
from services.cli.event_loop import run
from services.cli.options import AsJson, Database, KeyProvider
from services.cli.output import note, out, print_json, print_table

app = typer.Typer(help="Create, list, rotate and revoke the keys of gateways.", no_args_is_help=True)

Tenant = Annotated[str, typer.Option(envvar="VITA_TENANT", help="Tenant whose logins the gateway reports.")]
AnyTenant = Annotated[str | None, typer.Option(help="Only gateways of this tenant.")]
Name = Annotated[str, typer.Option(help="Display name.")]
Gateway = Annotated[
    str, typer.Argument(metavar="GATEWAY", help="The gateway's id, `gw_…`.", show_default=False)
]
Overlap = Annotated[float, typer.Option(min=0, help="Hours for which the old secret stays valid.")]


@app.command()
def create(
    tenant: Tenant,
    name: Name = "gateway",
    as_json: AsJson = False,
    database_url: Database = None,
    key_provider: KeyProvider = None,
) -> None:
    """Create a gateway. Its secret is shown once.

    Example: vita gateways create --tenant acme --name eu-1
    """
    from services.cli.tenants.gateway_registration import add_gateway

    _show(run(add_gateway(addresses.ledger(database_url, key_provider), tenant, name)), as_json)


@app.command("list")
def list_gateways(tenant: AnyTenant = None, as_json: AsJson = False, database_url: Database = None) -> None:
    """Show gateways with the number and the expiry of each secret. The secrets themselves are not shown.

    Example: vita gateways list --tenant demo
    """
    from services.cli.tenants.gateway_registration import gateways

    columns = ("tenant", "gateway", "name", "number", "created_at", "ends_at")
    rows = run(gateways(addresses.ledger(database_url), tenant))
    if as_json:
        print_json(rows)
    else:
        print_table(columns, [tuple(str(row[name] or "") for name in columns) for row in rows])


@app.command()
def rotate(
    gateway: Gateway,
    tenant: Tenant,
    overlap_hours: Overlap = 24.0,
    as_json: AsJson = False,
    database_url: Database = None,
    key_provider: KeyProvider = None,
) -> None:
    """Give a gateway a new secret. The old one stays valid for a while, so that the gateway can switch.

    Example: vita gateways rotate gw_8YkB2mQ0sT5vWx1z --tenant acme --overlap-hours 1
    """
    from services.cli.tenants.gateway_registration import rotate_gateway

    ledger, overlap = addresses.ledger(database_url, key_provider), timedelta(hours=overlap_hours)
    _show(run(rotate_gateway(ledger, tenant, gateway, overlap)), as_json)


@app.command()
def revoke(gateway: Gateway, tenant: Tenant, database_url: Database = None) -> None:
    """Revoke all secrets of a gateway. Records that the broker stores from now on are refused.

    Example: vita gateways revoke gw_8YkB2mQ0sT5vWx1z --tenant acme
    """
    from services.cli.tenants.gateway_registration import revoke_gateway

    run(revoke_gateway(addresses.ledger(database_url), tenant, gateway))
    out().print(f"{gateway} is revoked.", markup=False)


def _show(made: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    for name, value in made.items():
        out().print(f"{name:<14} {value}", markup=False, soft_wrap=True)
    note("Store the secret now: it is not shown again.")
