"""`vita repair`: rewrites the rows of a user from the user's history."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli import addresses
from services.cli.access import bearer_token
from services.cli.event_loop import run
from services.cli.options import AsJson, Database, KeyProvider, ManagementUrl, Token
from services.cli.output import out, print_json, print_table

if TYPE_CHECKING:
    from services.cli.views.repairing import RepairAccess

User = Annotated[
    str | None,
    typer.Argument(metavar="USER", help="User id, or the subject of a user as `vita status` logs it."),
]
Found = Annotated[
    bool, typer.Option("--found", help="All users of the tenant whose rows the self-check found to differ.")
]
Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait for the projector.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add the command."""
    app.command(rich_help_panel=panel)(repair)


def repair(
    user: User = None,
    found: Found = False,
    wait: Wait = 60.0,
    as_json: AsJson = False,
    database_url: Database = None,
    key_provider: KeyProvider = None,
    management_url: ManagementUrl = None,
    token: Token = None,
) -> None:
    """Rewrite the rows of a user in all views from the user's events, and show what differed.

    The projector does it while it goes on. Differences are named by table and column. The token needs the
    scope update:users.

    Example: vita repair 'auth0|63d17c4a8869daf88ed7db97'

    Raises typer.BadParameter when no user is named, and typer.Exit with code 1 when a repair failed or the
    projector did not carry it out in time.
    """
    from services.cli.views import repairing

    if (user is None) != found:
        raise typer.BadParameter("name a user, or give --found")
    done = run(repairing.repair(_access(database_url, key_provider, management_url, token), user, wait))
    if as_json:
        print_json(done)
    elif not done:
        out().print("The self-check has found no difference.")
    else:
        print_table(("subject", "state", "mended"), map(_cells, done))
    if any(one["state"] != "repaired" for one in done):
        raise typer.Exit(1)


def _access(
    database_url: str | None, key_provider: str | None, management_url: str | None, token: str | None
) -> "RepairAccess":
    from services.cli.views.repairing import RepairAccess

    url = addresses.management_url(management_url)
    return RepairAccess(addresses.ledger(database_url, key_provider), url, bearer_token(token, url))


def _cells(one: dict[str, Any]) -> tuple[object, ...]:
    state = f"{one['state']}: {one['failure']}" if one["failure"] else one["state"]
    return one["subject"], state, ", ".join(one["mended"]) or "nothing differed"
