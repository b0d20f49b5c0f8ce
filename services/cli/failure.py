"""What a command says when it cannot go on: what went wrong and what to do next, in one line."""

import sys
from collections.abc import Callable
from typing import Any, Final

STATUS: Final = "`vita status` shows what is down, `vita up` starts it"


class CommandFailed(Exception):
    """Ends a command with exit code 1."""

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(f"{problem}: {advice}")


def explained(error: BaseException) -> str | None:
    """What to tell about an error that is not a mistake in the code; None for one that may be."""
    for module, name, words in _KNOWN:
        known = getattr(sys.modules.get(module), name, None)
        if isinstance(known, type) and isinstance(error, known):
            return words(error)
    return None


def _surroundings(error: Any) -> str:
    return f"{error}: {STATUS}"


def _database(error: Any) -> str:
    return f"the database refused ({type(error).__name__}): look at VITA_DATABASE_URL; {STATUS}"


def _file(error: Any) -> str:
    if error.filename is None:
        return f"no connection ({error.strerror or type(error).__name__}): {STATUS}"
    return f"{error.filename}: {error.strerror}: name another file, or change its permissions"


_KNOWN: Final[tuple[tuple[str, str, Callable[[Any], str]], ...]] = (
    ("services.cli.failure", "CommandFailed", str),
    ("deploy.local.failure", "StackFailure", str),
    ("services.demo.gateway", "DemoError", str),
    ("schemas.errors", "Transient", _surroundings),
    (
        "schemas.sealing",
        "CannotUnseal",
        lambda error: f"{error}: is VITA_KEY_PROVIDER the key of this database?",
    ),
    ("aiokafka.errors", "KafkaError", lambda error: f"kafka: {type(error).__name__}: {STATUS}"),
    ("httpx", "TransportError", lambda error: f"no answer from a service ({type(error).__name__}): {STATUS}"),
    ("asyncpg", "PostgresError", _database),
    ("asyncpg", "InterfaceError", _database),
    ("builtins", "TimeoutError", lambda error: f"no answer in time: {STATUS}"),
    ("builtins", "OSError", _file),
)
"""Most telling first; modules that were not imported cannot have raised, so none is imported for this."""
