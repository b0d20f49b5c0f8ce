"""The steps of `vita up` after the services run: create a demo tenant with its client, run the demo, print
addresses."""

import shlex
import shutil
import sys
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape

from deploy.local import up as local
from deploy.local.services import Stack
from deploy.local.state import StateFolder
from schemas.topics import Topic
from services.cli import addresses
from services.cli.access import Credentials, fetch_token, keep_credentials, read_credentials
from services.cli.addresses import Ledger
from services.cli.failure import CommandFailed
from services.cli.ledger import operator
from services.cli.stack.demo import DEFAULT_SEED, DEFAULT_SIZE, TENANT, run_demo
from services.cli.tenants.registration import NewClient, add_tenant, configure_client
from services.cli.tenants.scopes import DEMO_SCOPES
from services.cli.users.management_api import ManagementApi, document
from services.cli.users.operations import print_users
from services.queries.clients import find_client_scopes
from services.runtime.auth.client_secrets import new_client_id, new_client_secret

_CLIENT_NAME: Final = "Demo client"
_SHOWN_USERS: Final = 15
_TRUST: Final = (
    "HTTPS certificates are signed by {authority}. "
    '[bold]eval "$(vita env)"[/] makes clients trust it: it sets\n'
    "  SSL_CERT_FILE (Python, Go), REQUESTS_CA_BUNDLE (requests), NODE_EXTRA_CA_CERTS (Node), CURL_CA_BUNDLE."
)


async def bring_up(console: Console, *, demo: bool, tls: bool | None = None) -> None:
    """Start the local stack, create missing objects, and print the next steps.

    `demo` publishes the demo population if it has not been published yet. `tls` switches HTTPS on or off;
    None keeps the current setting. Raises CommandFailed, or an error of `deploy.local`, with a hint.
    """
    stack = await local.up(console, tls=tls)
    addresses.local_stack.cache_clear()
    state = StateFolder(stack.state_dir)
    with state.lock():
        credentials = await ensure_client(stack)
    token = fetch_token(stack.management_url, credentials.client_id, credentials.client_secret)
    if demo and not state.read().get("demo"):
        await run_demo(stack, token, console, size=DEFAULT_SIZE, seed=DEFAULT_SEED)
        with state.lock():
            state.update(demo=True)
    else:
        show_users(stack, token, console)
    if stack.authority is not None:
        console.print(_TRUST.format(authority=stack.authority), soft_wrap=True)
    console.print(f"Documents       {stack.management_url}/docs, {stack.ingest_url}/docs", soft_wrap=True)
    console.print(f"Kafka           {stack.kafka_bootstrap}", soft_wrap=True)
    if (path := path_line()) is not None:
        console.print(f"To put `vita` on the path of this shell:  [bold]{escape(path)}[/]", soft_wrap=True)
    console.print(
        "Next: [bold]vita status[/], [bold]vita tail[/], [bold]vita users list[/], [bold]vita --help[/]"
    )


def path_line() -> str | None:
    """Return the shell command that puts this environment's `vita` on the path, or None if it is on the path
    already."""
    folder = Path(sys.executable).parent
    program = folder / "vita"
    found = shutil.which("vita")
    if not program.exists() or (found is not None and Path(found).resolve() == program.resolve()):
        return None
    return f'export PATH={shlex.quote(str(folder))}:"$PATH"'


async def ensure_client(stack: Stack) -> Credentials:
    """Return the stack's own client, and create it if it does not exist or lacks a scope.

    The secret is written to the state folder first, so that a crash cannot lose it. Raises CommandFailed
    when the client does not become visible in time.
    """
    credentials = read_credentials(stack)
    if credentials is None:
        credentials = Credentials(TENANT, new_client_id(), new_client_secret())
        keep_credentials(stack, credentials)
    async with operator(stack.database_url("operator")) as connection:
        await add_tenant(connection, credentials.tenant, "Demo", strict=False)
        scopes = await find_client_scopes(connection, credentials.tenant, credentials.client_id)
    if scopes is None or set(scopes) != set(DEMO_SCOPES):
        await _configure(stack, credentials)
    return credentials


async def _configure(stack: Stack, credentials: Credentials) -> None:
    client = NewClient(
        credentials.tenant, credentials.client_id, _CLIENT_NAME, DEMO_SCOPES, credentials.client_secret
    )
    ledger = Ledger(stack.database_url("operator"), stack.key_provider)
    topic = addresses.topic(stack.topic_prefix, Topic.PROFILE_EVENTS)
    if not await configure_client(ledger, stack.kafka("operator"), topic, client):
        raise CommandFailed(
            "the demo client did not become visible in time",
            "check `vita status` and `vita logs projector`",
        )


def show_users(stack: Stack, token: str, console: Console) -> None:
    """Print the first users and the addresses of the APIs."""
    query = {"per_page": _SHOWN_USERS, "include_totals": "true"}
    answer = document(ManagementApi(stack.management_url, token).call("GET", "/api/v2/users", query=query))
    print_users(answer["users"], console)
    console.print(f"{len(answer['users'])} of {answer['total']:,} profiles")
    console.print(f"Management API  {stack.management_url}/api/v2/users")
    console.print(f"Ingest          {stack.ingest_url}/ingest/v1/logins")
