"""Reports the failure of a command in one line, with the error and the next step."""

import sys
from collections.abc import Callable
from typing import Any, Final

STATUS: Final = "`vita status` shows what is down, `vita up` starts it"

_TLS_ADVICE: Final = (
    "correct the address, renew the certificate, or name its authority in SSL_CERT_FILE"
    ' (for the local stack: eval "$(vita env)")'
)
_HTTPS_ADVICE: Final = f"if it serves HTTPS, begin its address with https://; {STATUS}"


class CommandFailed(Exception):
    """Ends a command with exit code 1."""

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(f"{problem}: {advice}")


def explain(error: BaseException) -> str | None:
    """Return the text for an error that the surroundings caused, or None for one that may be a bug.

    An exception group, which concurrent tasks raise, has the texts of its errors, each once; it may be a
    bug if one of them may be.
    """
    if isinstance(error, BaseExceptionGroup):
        texts = [explain(one) for one in error.exceptions]
        known = [text for text in dict.fromkeys(texts) if text is not None]
        return "\n".join(known) if None not in texts else None
    for module, name, words in _KNOWN:
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type) and isinstance(error, kind):
            return words(error)
    return None


def unreachable(address: str, error: BaseException) -> CommandFailed:
    """Return the CommandFailed for a network error.

    It names the fault for a failed TLS handshake, hints at HTTPS when a server drops a plain HTTP
    connection, and otherwise gives the class of the error.
    """
    from services.runtime.addresses import words_of_tls

    tls = words_of_tls(error)
    if tls is not None:
        return CommandFailed(f"{address} is not trusted, {tls}", _TLS_ADVICE)
    if type(error).__name__ == "RemoteProtocolError" and address.startswith("http:"):
        return CommandFailed(f"{address} ended the connection without an HTTP answer", _HTTPS_ADVICE)
    return CommandFailed(f"{address} does not answer ({type(error).__name__})", STATUS)


def _no_answer(error: Any) -> str:
    return str(unreachable("a service", error))


def _surroundings(error: Any) -> str:
    return f"{error}: {STATUS}"


def _database(error: Any) -> str:
    return f"the database refused ({type(error).__name__}): check VITA_DATABASE_URL; {STATUS}"


def _file(error: Any) -> str:
    if error.filename is None:
        from services.runtime.addresses import words_of_tls

        if (tls := words_of_tls(error)) is not None:
            return f"no connection, {tls}: {_TLS_ADVICE}"
        return f"no connection ({error.strerror or type(error).__name__}): {STATUS}"
    return f"{error.filename}: {error.strerror}: name another file, or change its permissions"


_KNOWN: Final[tuple[tuple[str, str, Callable[[Any], str]], ...]] = (
    ("services.cli.failure", "CommandFailed", str),
    ("deploy.local.failure", "StackFailure", str),
    ("services.demo.gateway", "DemoError", str),
    ("schemas.errors", "Transient", _surroundings),
    (
        "schemas.sealing.blobs",
        "CannotUnseal",
        lambda error: f"{error}: is VITA_KEY_PROVIDER the key of this database?",
    ),
    ("aiokafka.errors", "KafkaError", lambda error: f"kafka: {type(error).__name__}: {STATUS}"),
    ("httpx", "TransportError", _no_answer),
    ("asyncpg", "PostgresError", _database),
    ("asyncpg", "InterfaceError", _database),
    ("builtins", "TimeoutError", lambda error: f"the operation timed out: {STATUS}"),
    ("builtins", "OSError", _file),
)
"""Explanations by exception class, the most specific first. Classes are compared by name, so that their
modules need not be imported here."""
