"""`vita tenants …`: creates and lists the tenants of this installation."""

from typing import Annotated

import typer

from services.cli import addresses
from services.cli.event_loop import run
from services.cli.failure import CommandFailed
from services.cli.options import AsJson, Database
from services.cli.output import out, print_json, print_table
from services.cli.tenants import domains

app = typer.Typer(help="Create and list tenants, and give them domains of their own.", no_args_is_help=True)
app.add_typer(domains.app, name="domain")

NewName = Annotated[
    str, typer.Argument(metavar="NAME", help="Up to 63 lower-case letters, digits and hyphens.")
]
DisplayName = Annotated[str | None, typer.Option(help="Display name.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse logins through connections that are not configured.")
]


@app.command()
def create(
    name: NewName,
    display_name: DisplayName = None,
    strict: Strict = False,
    as_json: AsJson = False,
    database_url: Database = None,
) -> None:
    """Create a tenant.

    Example: vita tenants create acme --display-name 'Acme Inc.'

    Raises typer.BadParameter when the name is malformed.
    """
    from schemas.formats.identifiers import is_tenant

    if not is_tenant(name):
        raise typer.BadParameter(
            f"{name!r} is not a tenant name: use lower-case letters, digits and hyphens", param_hint="NAME"
        )
    run(_create(addresses.ledger(database_url).url, name, display_name or name, strict))
    if as_json:
        print_json({"name": name, "display_name": display_name or name, "strict_connections": strict})
    else:
        out().print(
            f"Tenant {name} is created. "
            f"Create its first client: vita clients create --tenant {name} --scope all-demo"
        )


@app.command("list")
def list_tenants(as_json: AsJson = False, database_url: Database = None) -> None:
    """Show all tenants.

    Example: vita tenants list
    """
    rows = run(_list(addresses.ledger(database_url).url))
    if as_json:
        print_json(rows)
    else:
        columns = ("name", "display_name", "strict_connections", "created_at")
        print_table(columns, [[row[name] for name in columns] for row in rows])


async def _create(url: str, name: str, display_name: str, strict: bool) -> None:
    from services.cli.ledger import operator
    from services.cli.tenants.registration import add_tenant

    async with operator(url) as connection:
        if not await add_tenant(connection, name, display_name, strict):
            raise CommandFailed(
                f"the tenant {name} already exists", "choose another name (`vita tenants list`)"
            )


async def _list(url: str) -> list[dict[str, object]]:
    from schemas.formats.instants import render
    from services.cli.ledger import operator
    from services.ledger.tenants import list_tenants as read

    async with operator(url) as connection:
        rows = await read(connection)
    return [dict(row) | {"created_at": render(row["created_at"])} for row in rows]
