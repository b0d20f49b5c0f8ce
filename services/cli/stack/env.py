"""`vita env`: prints the running stack's addresses and credentials as shell exports."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from services.cli import addresses
from services.cli.access import fetch_token, read_credentials
from services.cli.failure import CommandFailed
from services.cli.options import AsJson
from services.cli.output import print_json

if TYPE_CHECKING:
    from services.runtime.kafka.access import KafkaAccess

_KAFKA, _KAFKA_OF_STACK = "VITA_KAFKA_BOOTSTRAP", "VITA_STACK_KAFKA"
"""The second variable records that `vita env` exported the first, so that `vita up` does not take it for
a choice of the operator."""
_GATEWAY = ("VITA_GATEWAY_KAFKA_USERNAME", "VITA_GATEWAY_KAFKA_PASSWORD")


def register(app: typer.Typer, panel: str) -> None:
    """Add the command to `app`."""
    app.command(rich_help_panel=panel)(env)


def env(as_json: AsJson = False) -> None:
    """Print the running stack's addresses, its client and a new token as shell exports.

    Example: eval "$(vita env)"; curl -H "Authorization: Bearer $VITA_TOKEN"
    $VITA_MANAGEMENT_URL/api/v2/users
    """
    found = variables()
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        print(f"export {name}={shlex.quote(value)}")


def variables() -> dict[str, str]:
    """Return all exported variables by name. Raises CommandFailed when there is no running stack with a
    client."""
    stack = addresses.local_stack()
    credentials = read_credentials(stack) if stack is not None else None
    if stack is None or credentials is None:
        raise CommandFailed(
            "there is no local stack with a client in this checkout", "start it with `vita up`"
        )
    return {
        "VITA_MANAGEMENT_URL": stack.management_url,
        "VITA_INGEST_URL": stack.ingest_url,
        _KAFKA: stack.kafka_bootstrap,
        **({} if _is_given() else {_KAFKA_OF_STACK: stack.kafka_bootstrap}),
        **gateway(stack.kafka("gateway")),
        **({"VITA_TOPIC_PREFIX": stack.topic_prefix} if stack.topic_prefix else {}),
        **trust(stack.authority),
        "VITA_TENANT": credentials.tenant,
        "VITA_CLIENT_ID": credentials.client_id,
        "VITA_CLIENT_SECRET": credentials.client_secret,
        "VITA_TOKEN": fetch_token(stack.management_url, credentials.client_id, credentials.client_secret),
    }


def gateway(access: "KafkaAccess") -> dict[str, str]:
    """Return the variables with a gateway's Kafka credentials; none if the brokers do not authenticate
    clients."""
    if not access.sasl.username or not access.sasl.password:
        return {}
    return dict(zip(_GATEWAY, (access.sasl.username, access.sasl.password), strict=True))


def trust(authority: Path | None) -> dict[str, str]:
    """Return the variables that make clients trust the stack's certificate authority; none without HTTPS."""
    if authority is None:
        return {}
    from deploy.local.tls.certificates import bundle_of

    bundle = str(bundle_of(authority.parents[1]))
    return {
        "SSL_CERT_FILE": bundle,
        "CURL_CA_BUNDLE": bundle,
        "REQUESTS_CA_BUNDLE": bundle,
        "NODE_EXTRA_CA_CERTS": str(authority),
    }


def forget_exports() -> None:
    """Remove variables that `vita env` exported, so that `vita up` does not use an old stack's broker."""
    own = os.environ.pop(_KAFKA_OF_STACK, None)
    if own is not None:
        for name in _GATEWAY:
            os.environ.pop(name, None)
    if own is not None and os.environ.get(_KAFKA) == own:
        del os.environ[_KAFKA]


def _is_given() -> bool:
    """Return whether the operator named the stack's broker."""
    from deploy.local.state import StateFolder, default_state_dir

    routes = StateFolder(default_state_dir()).read().get("routes", {})
    return bool(routes.get("kafka") == "environment")
