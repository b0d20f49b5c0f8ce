"""What changed in a user between two moments, for people and as JSON."""

from collections.abc import Sequence
from typing import Any

from services.cli.output import out, print_json, print_table
from services.cli.users.management_api import ManagementApi, document
from services.cli.users.operations import path_of, user_id_of


def show_differences(api: ManagementApi, user: str, moments: tuple[str, str], as_json: bool) -> None:
    """Show the attributes of a user that differ between two moments."""
    from projections.history.changes import document_changes

    path = path_of(user_id_of(api, user))
    before, after = (document(api.call("GET", path, query={"as_of": moment})) for moment in moments)
    changes = [change.shown() for change in document_changes(before, after)]
    if as_json:
        print_json({"from": moments[0], "to": moments[1], "changes": changes})
    elif changes:
        print_table(("attribute", moments[0], moments[1]), map(change_cells, changes))
    else:
        out().print("Nothing changed between these moments.")


def change_cells(change: dict[str, Any]) -> Sequence[object]:
    """Return the cells of a change: its attribute with the key, the value before, and the value after."""
    name = change["attribute"] + (f" {change['key']}" if "key" in change else "")
    return name, change.get("before"), change.get("after")
