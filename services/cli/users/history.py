"""`vita history`: a user's events as a timeline."""

from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer

from services.cli.options import AsJson, ManagementUrl, Token
from services.cli.output import note, print_json_line, print_line, safe
from services.cli.users.comparison import change_cells
from services.cli.users.management_api import ManagementApi, document
from services.cli.users.operations import path_of, user_id_of
from services.cli.users.users import PastUser

PAGE: Final = 200
_SHOWN_CHARACTERS: Final = 100

NewestFirst = Annotated[bool, typer.Option("--newest-first", help="Begin with the newest event.")]
Type = Annotated[
    str | None,
    typer.Option("--type", metavar="PATTERN", help="Only events of these types, for example 'login.*'."),
]
Since = Annotated[str | None, typer.Option(metavar="TIME", help="Only events from this time on.")]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Only events before this time.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Stop after this number of events.")]
Changes = Annotated[bool, typer.Option("--changes", help="Show every changed attribute, before and after.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add the command to `app`."""
    app.command(rich_help_panel=panel)(history)


def history(
    user: PastUser,
    newest_first: NewestFirst = False,
    event_type: Type = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    changes: Changes = False,
    as_json: AsJson = False,
    management_url: ManagementUrl = None,
    token: Token = None,
) -> None:
    """Print everything that happened to a user, with what each event changed.

    A line shows time, position and what happened. Events of a linked identity say so. With --json, a line is
    an event.

    Example: vita history jane@example.com --type 'login.*' --newest-first --limit 20
    """
    api = ManagementApi.at(management_url, token)
    asked = {
        "sort": "time:-1" if newest_first else "time:1",
        "take": str(min(limit or PAGE, PAGE)),
        **{
            name: value
            for name, value in {"type": event_type, "since": since, "until": until}.items()
            if value is not None
        },
    }
    for number, event in enumerate(_events(api, f"{path_of(user_id_of(api, user))}/history", asked), 1):
        if as_json:
            print_json_line(event)
        else:
            _print_event(event, changes)
        if number == limit:
            break


def _events(api: ManagementApi, path: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the events of all pages; no more than one page is in memory."""
    while True:
        page = document(api.call("GET", path, query=query))
        yield from page["events"]
        if "next" not in page:
            if not page["complete"]:
                note("The audit trail is far behind the event log: the newest events are missing.")
            return
        query = {**query, "from": page["next"]}


def _print_event(event: dict[str, Any], changes: bool) -> None:
    time = event["time"][:19].replace("T", " ")
    linked = event.get("linked")
    whose = ""
    if linked is not None:
        identity = event["identity"]
        when = "before it was linked" if linked == "before" else "linked"
        whose = f" [{identity['provider']}|{identity['user_id']}, {when}]"
    print_line(f"{time}  {event['position']:<10} {safe(event['summary'] + whose)}")
    if changes:
        for change in event["changes"]:
            name, before, after = change_cells(change)
            values = "hidden" if change.get("hidden") else f"{_text(before)} → {_text(after)}"
            print_line(f"    {safe(str(name)):<24} {safe(values)}")


def _text(value: object) -> str:
    from services.cli.output import shown

    text = "–" if value is None else shown(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"
