"""Addresses and credentials of every part: from a flag or the environment, otherwise from the local stack.

The local stack's secrets are never sent to an address that was given by flag or environment.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from services.cli.failure import CommandFailed
from services.runtime.addresses import MalformedAddress, check_database_url, check_http_url

if TYPE_CHECKING:
    import ssl

    from deploy.local.services import Stack
    from schemas.topics import Topic
    from services.runtime.kafka.access import KafkaAccess


@cache
def local_stack() -> "Stack | None":
    """Return the stack that `vita up` last started in this checkout, or None. The result is cached."""
    from deploy.local.services import read_stack
    from deploy.local.state import StateFolder, default_state_dir

    return read_stack(StateFolder(default_state_dir()))


def management_url(given: str | None) -> str:
    """Return the Management API's URL without a trailing slash: `given`, or the local stack's.

    Raises CommandFailed when there is neither, or when `given` is malformed.
    """
    found = _found(given or _local("management_url"), "Management API", "VITA_MANAGEMENT_URL")
    return _checked(found, check_http_url, "VITA_MANAGEMENT_URL")


def ingest_url(given: str | None) -> str:
    """Return the ingest API's URL without a trailing slash: `given`, or the local stack's.

    Raises CommandFailed when there is neither, or when `given` is malformed.
    """
    found = _found(given or _local("ingest_url"), "ingest API", "VITA_INGEST_URL")
    return _checked(found, check_http_url, "VITA_INGEST_URL")


def service_urls(management: str | None, ingest: str | None, *, local: bool) -> dict[str, str]:
    """Return the URLs of the HTTP services by service name.

    A service without a given URL has the local stack's if `local` is set, and is left out otherwise. Raises
    CommandFailed when a URL is malformed.
    """
    given = {"ingest": ingest, "management": management}
    known = {name: url or (_local(f"{name}_url") if local else None) for name, url in given.items()}
    return {
        name: _checked(url.rstrip("/"), check_http_url, f"VITA_{name.upper()}_URL")
        for name, url in known.items()
        if url
    }


def kafka(given: str | None) -> "KafkaAccess":
    """Return the access to Kafka: `given` with the credentials in the environment, or the local stack's
    operator.

    Raises CommandFailed when no broker is known, or when the variables `VITA_KAFKA_…` contradict each
    other.
    """
    stack = local_stack()
    own = stack is not None and given in (None, "", stack.kafka_bootstrap)
    if stack is not None and own and not os.environ.get("VITA_KAFKA_SECURITY_PROTOCOL"):
        return stack.kafka("operator")
    return _given_kafka(_found(given, "Kafka broker", "VITA_KAFKA_BOOTSTRAP"))


def _given_kafka(bootstrap: str) -> "KafkaAccess":
    from pydantic import ValidationError

    from services.runtime.settings import kafka_from, sentences

    try:
        return kafka_from({**os.environ, "VITA_KAFKA_BOOTSTRAP": bootstrap})
    except ValidationError as error:
        raise CommandFailed(sentences(error), "correct the variables VITA_KAFKA_…") from None


def topic_prefix(given: str | None, kafka: "KafkaAccess") -> str:
    """Return the prefix of topic names on this broker: `given`, or the local stack's on its own broker."""
    if given is not None:
        return given
    stack = local_stack()
    return stack.topic_prefix if stack and stack.kafka_bootstrap == kafka.bootstrap else ""


def topic(prefix: str, name: "Topic") -> str:
    """Return the physical name of a topic."""
    return prefix + name.value


@dataclass(frozen=True, slots=True)
class Ledger:
    """A role's database URL with the key-encryption key that belongs to the database."""

    url: str = field(repr=False)
    _key_provider: str | None

    @property
    def key_provider(self) -> str:
        """The key provider in the form in which services read it. Raises CommandFailed when none is known."""
        if self._key_provider is None:
            raise CommandFailed(
                "VITA_DATABASE_URL is set, but the key-encryption key of that database is not known",
                "set VITA_KEY_PROVIDER too",
            )
        return self._key_provider


def ledger(database_url: str | None, key_provider: str | None = None) -> Ledger:
    """Return the access to the database at `database_url`, or to the local stack's as the operator.

    Raises CommandFailed when there is neither, or when the URL is malformed.
    """
    if database_url:
        return Ledger(_checked(database_url, check_database_url, "VITA_DATABASE_URL"), key_provider)
    stack = local_stack()
    if stack is None:
        raise _unknown("database", "VITA_DATABASE_URL")
    return Ledger(stack.database_url("operator"), key_provider or stack.key_provider)


def keymaster(database_url: str | None, key_provider: str | None = None) -> Ledger:
    """Return the access to the database at `database_url`, or to the local stack's as the keymaster.

    Raises CommandFailed when there is neither, or when the URL is malformed.
    """
    if database_url:
        url = _checked(database_url, check_database_url, "VITA_KEYMASTER_DATABASE_URL")
        return Ledger(url, key_provider)
    stack = local_stack()
    if stack is None:
        raise _unknown("database", "VITA_KEYMASTER_DATABASE_URL")
    return Ledger(stack.database_url("keymaster"), key_provider or stack.key_provider)


def audience(url: str) -> str:
    """Return the `aud` claim of tokens for the Management API at this URL."""
    return os.environ.get("VITA_TOKEN_AUDIENCE") or f"{url}/api/v2/"


def issuer(url: str) -> str:
    """Return the `iss` claim of tokens for the Management API at this URL."""
    return os.environ.get("VITA_TOKEN_ISSUER") or f"{url}/"


def tls_context(*urls: str) -> "ssl.SSLContext | bool":
    """Return the value of httpx's `verify` for requests to these URLs.

    It is True (the machine's root certificates), or a context that also trusts the local stack's authority.
    """
    stack = local_stack()
    if stack is None or stack.authority is None or not any(url.startswith("https://") for url in urls):
        return True
    import httpx

    context = httpx.create_ssl_context()
    context.load_verify_locations(stack.authority)
    return context


def _local(name: str) -> str | None:
    stack = local_stack()
    return None if stack is None else str(getattr(stack, name))


def _found(value: str | None, what: str, variable: str) -> str:
    if not value:
        raise _unknown(what, variable)
    return value.rstrip("/")


def _checked(value: str, check: Callable[[str], None], variable: str) -> str:
    try:
        check(value)
    except MalformedAddress as error:
        raise CommandFailed(f"{variable}: {error}", f"correct {variable}") from None
    return value


def _unknown(what: str, variable: str) -> CommandFailed:
    return CommandFailed(
        f"no {what} is configured", f"start the local stack with `vita up`, or set {variable}"
    )
