"""`vita users …`: people, through the Management API."""

import sys
from typing import Annotated, Any

import typer

from services.cli.failure import CommandFailed
from services.cli.options import AsJson, ManagementUrl, Token
from services.cli.users import people
from services.cli.users.api import Api
from services.cli.users.fields import assignments, metadata, password_of

app = typer.Typer(help="List, read, create, change, block and delete users.", no_args_is_help=True)

UserId = Annotated[str, typer.Argument(metavar="USER_ID", help="As in auth0|63d17c4a8869daf88ed7db97.")]
Person = Annotated[str, typer.Argument(metavar="USER_ID|E-MAIL", help="Whom to show.")]
Page = Annotated[int, typer.Option(min=0, help="Which page, from 0 on.")]
PerPage = Annotated[int, typer.Option(min=1, max=100, help="Users on a page.")]
Connection = Annotated[str, typer.Option(help="A database or passwordless connection.")]
OneOf = Annotated[
    str | None, typer.Option("--connection", help="Whose e-mail, phone, username or password it is.")
]
Email = Annotated[str | None, typer.Option(help="E-mail address.")]
Phone = Annotated[str | None, typer.Option("--phone-number", help="As in +4930123456.")]
Username = Annotated[str | None, typer.Option(help="Where the connection asks for one.")]
Password = Annotated[
    str | None, typer.Option(help="`-` asks for it without showing it; or reads a line from a pipe.")
]
Name = Annotated[str | None, typer.Option(help="Full name.")]
UserMetadata = Annotated[str | None, typer.Option(metavar="JSON", help="What the person may change.")]
AppMetadata = Annotated[str | None, typer.Option(metavar="JSON", help="What only applications may change.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Set an attribute; repeatable.")
]
Unset = Annotated[
    list[str] | None, typer.Option("--unset", metavar="NAME", help="Remove an attribute; repeatable.")
]
IfMatch = Annotated[int | None, typer.Option(metavar="REVISION", help="Only if this is still the revision.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command("list")
def list_users(
    page: Page = 0,
    per_page: PerPage = 50,
    as_json: AsJson = False,
    management_url: ManagementUrl = None,
    token: Token = None,
) -> None:
    """Show a page of users, and how many there are.

    Example: vita users list --page 2 --per-page 20
    """
    people.show_page(Api.at(management_url, token), page, per_page, as_json)


@app.command()
def get(
    user: Person, as_json: AsJson = False, management_url: ManagementUrl = None, token: Token = None
) -> None:
    """Show one user, by user id or e-mail address.

    Example: vita users get jane@example.com
    """
    people.show_one(Api.at(management_url, token), user, as_json)


@app.command()
def create(
    connection: Connection,
    email: Email = None,
    phone_number: Phone = None,
    username: Username = None,
    password: Password = None,
    name: Name = None,
    user_metadata: UserMetadata = None,
    app_metadata: AppMetadata = None,
    as_json: AsJson = False,
    management_url: ManagementUrl = None,
    token: Token = None,
) -> None:
    """Create a user of a database or passwordless connection.

    Example: vita users create --connection customers --email jane@example.com --password -
    """
    given = {"email": email, "phone_number": phone_number, "username": username, "name": name}
    body: dict[str, Any] = {"connection": connection, **{key: value for key, value in given.items() if value}}
    body |= metadata(user_metadata, app_metadata)
    if password is not None:
        body["password"] = password_of(password)
    people.create(Api.at(management_url, token), body, as_json)


@app.command()
def update(
    user_id: UserId,
    attributes: Set = None,
    removed: Unset = None,
    user_metadata: UserMetadata = None,
    app_metadata: AppMetadata = None,
    connection: OneOf = None,
    if_match: IfMatch = None,
    as_json: AsJson = False,
    management_url: ManagementUrl = None,
    token: Token = None,
) -> None:
    """Change a user. Metadata is merged: a key set to null is removed.

    Example: vita users update 'auth0|63d1' --set name=Jane --app-metadata '{"plan": "gold"}' --if-match 4
    """
    body = assignments(attributes or [], removed or []) | metadata(user_metadata, app_metadata)
    if not body:
        raise typer.BadParameter("nothing to change: give --set, --unset, --user-metadata or --app-metadata")
    body |= {} if connection is None else {"connection": connection}
    people.change(Api.at(management_url, token), user_id, body, as_json, if_match)


@app.command()
def block(
    user_id: UserId, as_json: AsJson = False, management_url: ManagementUrl = None, token: Token = None
) -> None:
    """Block a user.

    Example: vita users block 'google-oauth2|108154269881902836451'
    """
    people.change(Api.at(management_url, token), user_id, {"blocked": True}, as_json)


@app.command()
def unblock(
    user_id: UserId, as_json: AsJson = False, management_url: ManagementUrl = None, token: Token = None
) -> None:
    """Take a block back.

    Example: vita users unblock 'google-oauth2|108154269881902836451'
    """
    people.change(Api.at(management_url, token), user_id, {"blocked": False}, as_json)


@app.command()
def delete(
    user_id: UserId,
    yes: Yes = False,
    as_json: AsJson = False,
    management_url: ManagementUrl = None,
    token: Token = None,
) -> None:
    """Delete a user: gone from every view at once; the sealed history stays.

    Example: vita users delete 'auth0|63d17c4a8869daf88ed7db97' --yes
    """
    if not yes and not sys.stdin.isatty():
        raise CommandFailed("nobody is there to be asked", "add --yes to delete without a question")
    people.delete(Api.at(management_url, token), user_id, not yes, as_json)
