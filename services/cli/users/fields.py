"""Converts command-line arguments to bodies of the Management API."""

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
    """Return a body from `name=value` pairs and from names to remove, which become null.

    Raises typer.BadParameter when a pair has no `=` or a flag is neither true nor false.
    """
    body: dict[str, Any] = dict.fromkeys(removed)
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--set")
        body[name] = _truth(name, value) if name in _FLAGS else value
    return body


def metadata(user_metadata: str | None, app_metadata: str | None) -> dict[str, Any]:
    """Return the metadata that was given, by its member name.

    Raises typer.BadParameter when one is not a JSON object.
    """
    given = {"user_metadata": user_metadata, "app_metadata": app_metadata}
    return {name: _object(name, text) for name, text in given.items() if text is not None}


def password_of(text: str) -> str:
    """Return the password: `text`, or for `-` one typed twice on a terminal or read as a line from a pipe.

    Raises CommandFailed when the two passwords typed differ.
    """
    if text != "-":
        return text
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    from getpass import getpass

    password = getpass("Password: ")
    if getpass("Repeat the password: ") != password:
        raise CommandFailed("the two passwords differ", "run the command again")
    return password


def _truth(name: str, value: str) -> bool:
    truth = _TRUTH.get(value.lower())
    if truth is None:
        raise typer.BadParameter(f"{name} must be true or false, not {value!r}", param_hint="--set")
    return truth


def _object(name: str, text: str) -> dict[str, Any]:
    hint = f"--{name.replace('_', '-')}"
    try:
        value = exact_json.loads(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not JSON", param_hint=hint) from None
    if not isinstance(value, dict):
        raise typer.BadParameter("the value must be a JSON object", param_hint=hint)
    return value
