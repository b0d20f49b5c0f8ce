"""From what is typed to what the Management API takes."""

import sys
from typing import Any, Final

import typer

from schemas.formats import exact_json
from services.cli.failure import CommandFailed

_FLAGS: Final = frozenset(
    ("email_verified", "phone_verified", "blocked", "verify_email", "verify_phone_number")
)
_TRUTH: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def assignments(given: list[str], removed: list[str]) -> dict[str, Any]:
    """`name=value` pairs and names to remove as one body. Raises typer.BadParameter."""
    body: dict[str, Any] = dict.fromkeys(removed)
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--set")
        body[name] = _truth(name, value) if name in _FLAGS else value
    return body


def metadata(user_metadata: str | None, app_metadata: str | None) -> dict[str, Any]:
    """The metadata given, by its name. Raises typer.BadParameter."""
    given = {"user_metadata": user_metadata, "app_metadata": app_metadata}
    return {name: _object(name, text) for name, text in given.items() if text is not None}


def password_of(text: str) -> str:
    """The password itself; `-` asks for it twice on a terminal and reads one line from a pipe."""
    if text != "-":
        return text
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    from getpass import getpass

    password = getpass("Password: ")
    if getpass("The same again: ") != password:
        raise CommandFailed("the two passwords differ", "run it again")
    return password


def _truth(name: str, value: str) -> bool:
    truth = _TRUTH.get(value.lower())
    if truth is None:
        raise typer.BadParameter(f"{name} is true or false, not {value!r}", param_hint="--set")
    return truth


def _object(name: str, text: str) -> dict[str, Any]:
    hint = f"--{name.replace('_', '-')}"
    try:
        value = exact_json.loads(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no JSON", param_hint=hint) from None
    if not isinstance(value, dict):
        raise typer.BadParameter("a JSON object is wanted", param_hint=hint)
    return value
