"""`vita tenants domain …`: manages domains under which a tenant is an issuer of tokens."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import addresses
from services.cli.event_loop import run
from services.cli.failure import CommandFailed
from services.cli.options import AsJson, KeymasterDatabase, KeyProvider
from services.cli.output import out, print_json, print_table

if TYPE_CHECKING:
    from services.ledger.tenant_domains import Domain

app = typer.Typer(help="Give a tenant a domain of its own.", no_args_is_help=True)

Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's name.")]
Origin = Annotated[str, typer.Argument(metavar="URL", help="Origin, for example https://login.acme.example.")]


@app.command()
def add(
    tenant: Tenant,
    origin: Origin,
    as_json: AsJson = False,
    keymaster_url: KeymasterDatabase = None,
    key_provider: KeyProvider = None,
) -> None:
    """Make a domain an issuer of a tenant. Requests to this host then act for this tenant only.

    The tenant gets a signing key of its own if it has none. Running services use the domain within five
    seconds. Point the domain's DNS record at the Management API, and give the API a certificate for it.

    Example: vita tenants domain add acme https://login.acme.example

    Raises typer.BadParameter when the URL is not a valid origin.
    """
    from services.ledger.tenant_domains import MalformedOrigin, domain_of

    try:
        domain = domain_of(origin, tenant)
    except MalformedOrigin as error:
        raise typer.BadParameter(str(error), param_hint="URL") from None
    kid = run(_add(addresses.keymaster(keymaster_url, key_provider), domain))
    if as_json:
        print_json({"tenant": tenant, "origin": domain.origin, "issuer": domain.issuer, "kid": kid})
    else:
        out().print(
            f"{domain.origin} is now an issuer of the tenant {tenant}; its tokens have iss {domain.issuer}"
        )


@app.command("list")
def list_domains(as_json: AsJson = False, keymaster_url: KeymasterDatabase = None) -> None:
    """Show the domains of all tenants.

    Example: vita tenants domain list
    """
    rows = run(_list(addresses.keymaster(keymaster_url).url))
    if as_json:
        print_json(rows)
    elif not rows:
        out().print("No tenant has a domain. Add one: vita tenants domain add TENANT URL")
    else:
        columns = ("origin", "tenant", "created_at")
        print_table(columns, [[row[name] for name in columns] for row in rows])


@app.command()
def remove(origin: Origin, keymaster_url: KeymasterDatabase = None) -> None:
    """Remove a domain from its tenant. Tokens of its issuer become invalid within five seconds.

    Example: vita tenants domain remove https://login.acme.example

    Raises typer.BadParameter when the URL is not a valid origin.
    """
    from services.ledger.tenant_domains import MalformedOrigin, domain_of

    try:
        host = domain_of(origin, "").host
    except MalformedOrigin as error:
        raise typer.BadParameter(str(error), param_hint="URL") from None
    tenant = run(_remove(addresses.keymaster(keymaster_url).url, host))
    out().print(f"{origin} is no longer a domain of the tenant {tenant}.")


async def _add(ledger: addresses.Ledger, domain: "Domain") -> str:
    from datetime import UTC, datetime

    from services.cli.ledger import operator
    from services.ledger.keys.signing_keys import ensure_signing_key
    from services.ledger.keys.subject_keys import provider_from
    from services.ledger.tenant_domains import add_domain
    from services.ledger.tenants import tenant_exists

    async with operator(ledger.url) as connection, connection.transaction():
        if not await tenant_exists(connection, domain.tenant):
            tenant = domain.tenant
            raise CommandFailed(f"there is no tenant {tenant}", f"create it: vita tenants create {tenant}")
        if not await add_domain(connection, domain):
            raise CommandFailed(
                f"{domain.host} is already a domain of a tenant", "list the domains: vita tenants domain list"
            )
        provider = provider_from(ledger.key_provider)
        return str((await ensure_signing_key(connection, provider, datetime.now(UTC), domain.tenant)).kid)


async def _list(url: str) -> list[dict[str, object]]:
    from schemas.formats.instants import render
    from services.cli.ledger import operator
    from services.ledger.tenant_domains import list_domains as read

    async with operator(url) as connection:
        rows = await read(connection)
    return [dict(row) | {"created_at": render(row["created_at"])} for row in rows]


async def _remove(url: str, host: str) -> str:
    from services.cli.ledger import operator
    from services.ledger.tenant_domains import remove_domain

    async with operator(url) as connection:
        tenant = await remove_domain(connection, host)
    if tenant is None:
        raise CommandFailed(
            f"{host} is not a domain of any tenant", "list the domains: vita tenants domain list"
        )
    return str(tenant)
