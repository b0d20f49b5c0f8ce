"""`vita explain`: where each value of a user came from."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer

from services.cli.failure import CommandFailed
from services.cli.options import AsJson, ManagementUrl, Token
from services.cli.output import print_json, print_table, shown
from services.cli.users.management_api import ManagementApi, document
from services.cli.users.operations import path_of, user_id_of
from services.cli.users.users import AsOf, PastUser

Attribute = Annotated[
    str | None, typer.Argument(metavar="[ATTRIBUTE]", help="One attribute; all of them by default.")
]
_VALUE_CHARACTERS = 60


def register(app: typer.Typer, panel: str) -> None:
    """Add the command to `app`."""
    app.command(rich_help_panel=panel)(explain)


def explain(
    user: PastUser,
    attribute: Attribute = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
    management_url: ManagementUrl = None,
    token: Token = None,
) -> None:
    """Explain each attribute of a user: its value, who gave it, from which claim, when, and by which event.

    Where identities or providers disagree, the other values follow, each with the rule by which it was not
    chosen.

    Example: vita explain jane@example.com name

    Raises CommandFailed when the user does not have the attribute.
    """
    api = ManagementApi.at(management_url, token)
    asked = {"as_of": as_of, "attributes": attribute}
    query = {name: value for name, value in asked.items() if value is not None}
    found = document(api.call("GET", f"{path_of(user_id_of(api, user))}/provenance", query=query))
    if attribute is not None and not found["attributes"]:
        raise CommandFailed("the user does not have this attribute", "list all with `vita explain USER`")
    if as_json:
        print_json(found)
        return
    columns = ("attribute", "value", "from", "claim", "time", "position")
    print_table(columns, _rows(found["attributes"]))


def _rows(attributes: Iterable[Mapping[str, Any]]) -> Iterator[tuple[object, ...]]:
    for one in attributes:
        yield _row(one["attribute"], one)
        for other in one.get("alternatives", ()):
            yield _row("  not", other)
            yield "", f"  {other['reason']}", None, None, None, None


def _row(name: str, one: Mapping[str, Any]) -> tuple[object, ...]:
    text = shown(one["value"])
    value = text if len(text) <= _VALUE_CHARACTERS else f"{text[: _VALUE_CHARACTERS - 1]}…"
    time = str(one.get("time", ""))[:19].replace("T", " ")
    return name, value, one.get("by"), one.get("claim"), time, one.get("position")
