"""`vita keys …`: manages the keys that sign access tokens."""

from typing import Annotated

import typer

from services.cli import addresses
from services.cli.event_loop import run
from services.cli.failure import CommandFailed
from services.cli.options import AsJson, KeymasterDatabase, KeyProvider
from services.cli.output import out, print_json, print_table

app = typer.Typer(help="Rotate and list the keys that sign access tokens.", no_args_is_help=True)

OfTenant = Annotated[
    str | None,
    typer.Option(
        "--tenant", metavar="NAME", help="Rotate this tenant's own key instead of the installation's."
    ),
]


Revoke = Annotated[bool, typer.Option("--revoke", help="Invalidate earlier keys, for example after a leak.")]


@app.command()
def rotate(
    tenant: OfTenant = None,
    revoke: Revoke = False,
    as_json: AsJson = False,
    keymaster_url: KeymasterDatabase = None,
    key_provider: KeyProvider = None,
) -> None:
    """Create a new signing key. It is published at once and signs after 90 seconds.

    Tokens signed by earlier keys stay valid until they expire, a day at most. With --revoke, the new key
    signs within five seconds, and tokens signed by earlier keys become invalid within five minutes.

    Example: vita keys rotate
    """
    kid = run(_rotate(addresses.keymaster(keymaster_url, key_provider), tenant, revoke))
    if as_json:
        print_json({"tenant": tenant, "kid": kid, "revoked": revoke})
    else:
        whose = "the installation" if tenant is None else f"the tenant {tenant}"
        out().print(f"{kid} is the new signing key of {whose}. When it starts to sign: vita keys list")


@app.command("list")
def list_keys(as_json: AsJson = False, keymaster_url: KeymasterDatabase = None) -> None:
    """Show all signing keys with their state, when each starts to sign, and when it was retired.

    Example: vita keys list
    """
    rows = run(_list(addresses.keymaster(keymaster_url).url))
    if as_json:
        print_json(rows)
    else:
        columns = ("kid", "tenant", "state", "created_at", "signs_from", "retired_at")
        print_table(columns, [[row[name] or "" for name in columns] for row in rows])


async def _rotate(ledger: addresses.Ledger, tenant: str | None, revoke: bool = False) -> str:
    from datetime import UTC, datetime

    from services.cli.ledger import operator
    from services.ledger.keys.signing_keys import rotate_signing_key
    from services.ledger.keys.subject_keys import NoKeys, provider_from

    async with operator(ledger.url) as connection:
        try:
            provider = provider_from(ledger.key_provider)
            return await rotate_signing_key(connection, provider, datetime.now(UTC), tenant, revoke=revoke)
        except NoKeys:
            raise CommandFailed(
                "there is no signing key to replace" if tenant is None else f"{tenant} has no signing key",
                "run `python -m deploy prepare`"
                if tenant is None
                else f"give the tenant a domain first: vita tenants domain add {tenant} URL",
            ) from None


async def _list(url: str) -> list[dict[str, object]]:
    from schemas.formats.instants import render
    from services.cli.ledger import operator
    from services.ledger.keys.signing_keys import list_keys as read

    async with operator(url) as connection:
        rows = await read(connection)
    times = ("created_at", "signs_from", "retired_at")
    return [
        {name: render(value) if name in times and value else value for name, value in row.items()}
        for row in rows
    ]
