"""What a command says when it cannot go on: what went wrong and what to do next, in one line."""

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


def explained(error: BaseException) -> str | None:
    """What to tell about an error that is not a mistake in the code; None for one that may be.

    A group of errors, which tasks that run together raise, is told by the errors in it.
    """
    if isinstance(error, BaseExceptionGroup):
        told = [explained(one) for one in error.exceptions]
        known = [text for text in dict.fromkeys(told) if text is not None]
        return "\n".join(known) if None not in told else None
    for module, name, words in _KNOWN:
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type) and isinstance(error, kind):
            return words(error)
    return None


def unreachable(address: str, error: BaseException) -> CommandFailed:
    """The failure behind an error of the network: TLS by what is wrong with it, plain HTTP to a server that
    may expect TLS, the rest by its kind."""
    from services.runtime.addresses import words_of_tls

    tls = words_of_tls(error)
    if tls is not None:
        return CommandFailed(f"{address} cannot be trusted, {tls}", _TLS_ADVICE)
    if type(error).__name__ == "RemoteProtocolError" and address.startswith("http:"):
        return CommandFailed(f"{address} ended the connection without an HTTP answer", _HTTPS_ADVICE)
    return CommandFailed(f"{address} does not answer ({type(error).__name__})", STATUS)


def _no_answer(error: Any) -> str:
    return str(unreachable("a service", error))


def _surroundings(error: Any) -> str:
    return f"{error}: {STATUS}"


def _database(error: Any) -> str:
    return f"the database refused ({type(error).__name__}): look at VITA_DATABASE_URL; {STATUS}"


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
    ("builtins", "TimeoutError", lambda error: f"no answer in time: {STATUS}"),
    ("builtins", "OSError", _file),
)
"""Most telling first; modules that were not imported cannot have raised, so none is imported for this."""
