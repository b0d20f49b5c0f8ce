"""The requests behind `vita users`, and how their responses are shown."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from services.cli.failure import CommandFailed
from services.cli.output import note, out, print_json, print_table, safe
from services.cli.users.management_api import ManagementApi, document

if TYPE_CHECKING:
    import httpx
    from rich.console import Console

_COLUMNS: Final = ("user_id", "name", "email", "connection", "logins", "last_login", "blocked")


def show_page(api: ManagementApi, page: int, per_page: int, as_json: bool) -> None:
    """Show a page of users with the total number."""
    query = {"page": page, "per_page": per_page, "include_totals": "true"}
    answer = document(api.call("GET", "/api/v2/users", query=query))
    if as_json:
        print_json(answer)
        return
    print_users(answer["users"])
    first, past = page * per_page + 1, page * per_page + len(answer["users"])
    more = (
        f"; the next: vita users list --page {page + 1} --per-page {per_page}"
        if past < answer["total"]
        else ""
    )
    shown = f"{first:,} to {past:,}" if past >= first else "none"
    out().print(f"{shown} of {answer['total']:,} users{more}")


def print_users(users: Sequence[Mapping[str, Any]], console: "Console | None" = None) -> None:
    """Print a table of users."""
    print_table(_COLUMNS, map(_row, users), right=("logins",), console=console)


def show_one(api: ManagementApi, user: str, as_json: bool, as_of: str | None = None) -> None:
    """Show a user by id, or by an e-mail address, now or at a moment of the past.

    Raises CommandFailed when no user has the e-mail address, or more than one.
    """
    query = None if as_of is None else {"as_of": as_of}
    _show_answer(api.call("GET", path_of(user_id_of(api, user)), query=query), as_json)


def user_id_of(api: ManagementApi, user: str) -> str:
    """Return the id of a user who is named by it or by an e-mail address; users of the past have ids only.

    Raises CommandFailed when no user has the e-mail address, or more than one.
    """
    if "|" in user or "@" not in user:
        return user
    found = document(api.call("GET", "/api/v2/users-by-email", query={"email": user}))
    if not found:
        raise CommandFailed("no user has this e-mail address", "list users with `vita users list`")
    if len(found) > 1:
        ids = ", ".join(safe(str(one["user_id"])) for one in found)
        raise CommandFailed(
            f"{len(found)} users have this e-mail address", f"name one of them by its id: {ids}"
        )
    return str(found[0]["user_id"])


def create(api: ManagementApi, body: dict[str, Any], as_json: bool) -> None:
    """Create a user and show it."""
    _show_written(api.call("POST", "/api/v2/users", body=body), as_json)


def change(
    api: ManagementApi, user_id: str, body: dict[str, Any], as_json: bool, revision: int | None = None
) -> None:
    """Change a user and show the result.

    `revision` makes the change conditional: it is refused if the user has another revision by then.
    """
    headers = {} if revision is None else {"if-match": f'"{revision}"'}
    _show_written(api.call("PATCH", path_of(user_id), body=body, headers=headers), as_json)


def delete(api: ManagementApi, user_id: str, asks: bool, as_json: bool) -> None:
    """Delete a user; ask for confirmation first if `asks` is set."""
    if asks:
        import typer

        user = document(api.call("GET", path_of(user_id)))
        typer.confirm(
            f"Delete {safe(str(user.get('name') or user_id))} ({safe(user_id)})?", abort=True, err=True
        )
    response = api.call("DELETE", path_of(user_id))
    position = response.headers.get("vita-position")
    if as_json:
        print_json({"user_id": user_id, "deleted": True, "position": position})
    else:
        out().print(f"{safe(user_id)} is deleted.", markup=False)


def restore(api: ManagementApi, user_id: str, as_json: bool) -> None:
    """Restore a deleted user and show it."""
    _show_written(api.call("POST", f"{path_of(user_id)}/restore"), as_json)


def revert(
    api: ManagementApi,
    user_id: str,
    past: Mapping[str, Any],
    only: Sequence[str],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Give a user the editable attributes that it had in the past, and show what changes.

    The first edit is refused if the user changes meanwhile. Raises CommandFailed when an edit is refused.
    """
    from services.commands.undo.revert import changes_back, edits_back

    response = api.call("GET", path_of(user_id))
    changes = changes_back(past, document(response), only)
    tag = response.headers.get("etag")
    for edit in [] if dry_run else edits_back(changes):
        headers = {} if tag is None else {"if-match": tag}
        written = api.call("PATCH", path_of(user_id), body=dict(edit.values), headers=headers)
        tag = written.headers.get("etag")
    if as_json:
        shown = {one.attribute: {"now": one.now, "then": one.then} for one in changes}
        print_json({"user_id": user_id, "changes": shown, "reverted": bool(changes) and not dry_run})
    elif changes:
        print_table(("attribute", "was", "becomes" if dry_run else "is again"), changes)
    else:
        out().print("Nothing differs: every editable attribute is as it was.")


def path_of(user_id: str) -> str:
    """Return the path of a user in the Management API."""
    return f"/api/v2/users/{quote(user_id, safe='')}"


def _show_written(response: "httpx.Response", as_json: bool) -> None:
    """Show the written user, or that it is recorded but not visible yet (202)."""
    if response.status_code == 202:
        note("The change is recorded but not visible yet: the projector lags behind (`vita status`).")
        if as_json:
            print_json(document(response))
        return
    _show_answer(response, as_json)


def _show_answer(response: "httpx.Response", as_json: bool) -> None:
    user = document(response)
    if as_json:
        print_json(user)
        return
    revision = response.headers.get("etag", "").removeprefix("W/").strip('"')
    print_table(("attribute", "value"), [*user.items(), *([("(revision)", revision)] if revision else [])])


def _row(user: Mapping[str, Any]) -> tuple[object, ...]:
    identities = user.get("identities") or [{}]
    last = str(user.get("last_login") or "")[:16].replace("T", " ")
    return (
        user.get("user_id"), user.get("name"), user.get("email"), identities[0].get("connection"),
        user.get("logins_count"), last, "blocked" if user.get("blocked") else None,
    )  # fmt: skip
