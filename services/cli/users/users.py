"""`vita users …`: manages users through the Management API."""

import sys
from typing import Annotated, Any

import typer

from schemas.formats.instants import parse
from services.cli import addresses
from services.cli.access import bearer_token
from services.cli.event_loop import run
from services.cli.failure import CommandFailed
from services.cli.options import AsJson, Database, Kafka, KeyProvider, ManagementUrl, Token, TopicPrefix
from services.cli.users import operations
from services.cli.users.fields import assignments, metadata, password_of
from services.cli.users.management_api import ManagementApi

app = typer.Typer(help="List, read, create, change, block and delete users.", no_args_is_help=True)

UserId = Annotated[
    str, typer.Argument(metavar="USER_ID", help="User id, for example auth0|63d17c4a8869daf88ed7db97.")
]
Person = Annotated[str, typer.Argument(metavar="USER_ID|E-MAIL", help="User id or e-mail address.")]
Page = Annotated[int, typer.Option(min=0, help="Page number, counted from 0.")]
PerPage = Annotated[int, typer.Option(min=1, max=100, help="Users per page.")]
Connection = Annotated[str, typer.Option(help="A database or passwordless connection.")]
OneOf = Annotated[
    str | None,
    typer.Option("--connection", help="Connection whose e-mail, phone, username or password to change."),
]
Email = Annotated[str | None, typer.Option(help="E-mail address.")]
Phone = Annotated[
    str | None, typer.Option("--phone-number", help="Phone number in E.164 format, for example +4930123456.")
]
Username = Annotated[str | None, typer.Option(help="Username, if the connection requires one.")]
Password = Annotated[
    str | None, typer.Option(help="Password; `-` prompts for it, or reads a line from a pipe.")
]
Name = Annotated[str | None, typer.Option(help="Full name.")]
UserMetadata = Annotated[str | None, typer.Option(metavar="JSON", help="Metadata that the user may change.")]
AppMetadata = Annotated[
    str | None, typer.Option(metavar="JSON", help="Metadata that only applications may change.")
]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Set an attribute; repeatable.")
]
Unset = Annotated[
    list[str] | None, typer.Option("--unset", metavar="NAME", help="Remove an attribute; repeatable.")
]
IfMatch = Annotated[
    int | None, typer.Option(metavar="REVISION", help="Change only if the user has this revision.")
]
To = Annotated[str, typer.Option("--to", metavar="TIME", help="Time, for example 2026-11-23T10:00:00Z.")]
Attributes = Annotated[
    list[str] | None,
    typer.Option(
        "--attribute", metavar="NAME", help="Only this attribute, for example app_metadata.plan; repeatable."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]
PastUser = Annotated[
    str, typer.Argument(metavar="USER", help="User id, also of a deleted user, or e-mail address.")
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="TIME|POSITION", help="Moment of the past, for example 2026-11-23T10:00:00Z."
    ),
]
Diff = Annotated[
    tuple[str, str] | None,
    typer.Option("--diff", metavar="T1 T2", help="Show what changed between two moments."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


@app.command("list")
def list_users(
    page: Page = 0,
    per_page: PerPage = 50,
    as_json: AsJson = False,
    management_url: ManagementUrl = None,
    token: Token = None,
) -> None:
    """Show a page of users and the total number.

    Example: vita users list --page 2 --per-page 20
    """
    operations.show_page(ManagementApi.at(management_url, token), page, per_page, as_json)


@app.command()
def get(
    user: Person, as_json: AsJson = False, management_url: ManagementUrl = None, token: Token = None
) -> None:
    """Show one user by user id or e-mail address.

    Example: vita users get jane@example.com
    """
    operations.show_one(ManagementApi.at(management_url, token), user, as_json)


@app.command()
def show(
    user: Person,
    as_of: AsOf = None,
    diff: Diff = None,
    as_json: AsJson = False,
    management_url: ManagementUrl = None,
    token: Token = None,
) -> None:
    """Show a user as it was at a moment, or what changed between two.

    A moment is a time, or a position of the event log as `vita history` prints it. Deleted users are named by
    their id.

    Example: vita users show 'auth0|63d1' --diff 2026-11-01T00:00:00Z 2026-11-23T10:00:00Z

    Raises typer.BadParameter when both --as-of and --diff are given.
    """
    from services.cli.users import comparison

    api = ManagementApi.at(management_url, token)
    if diff is None:
        operations.show_one(api, user, as_json, as_of)
        return
    if as_of is not None:
        raise typer.BadParameter("give either --as-of or --diff")
    comparison.show_differences(api, user, diff, as_json)


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
    operations.create(ManagementApi.at(management_url, token), body, as_json)


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
    """Change a user. Metadata is merged; a key set to null is removed.

    Example: vita users update 'auth0|63d1' --set name=Jane --app-metadata '{"plan": "gold"}' --if-match 4

    Raises typer.BadParameter when no option names a change.
    """
    body = assignments(attributes or [], removed or []) | metadata(user_metadata, app_metadata)
    if not body:
        raise typer.BadParameter("nothing to change: give --set, --unset, --user-metadata or --app-metadata")
    body |= {} if connection is None else {"connection": connection}
    operations.change(ManagementApi.at(management_url, token), user_id, body, as_json, if_match)


@app.command()
def block(
    user_id: UserId, as_json: AsJson = False, management_url: ManagementUrl = None, token: Token = None
) -> None:
    """Block a user.

    Example: vita users block 'google-oauth2|108154269881902836451'
    """
    operations.change(ManagementApi.at(management_url, token), user_id, {"blocked": True}, as_json)


@app.command()
def unblock(
    user_id: UserId, as_json: AsJson = False, management_url: ManagementUrl = None, token: Token = None
) -> None:
    """Unblock a user.

    Example: vita users unblock 'google-oauth2|108154269881902836451'
    """
    operations.change(ManagementApi.at(management_url, token), user_id, {"blocked": False}, as_json)


@app.command()
def delete(
    user_id: UserId,
    yes: Yes = False,
    as_json: AsJson = False,
    management_url: ManagementUrl = None,
    token: Token = None,
) -> None:
    """Delete a user. The profile disappears from every view; the sealed history is kept.

    Example: vita users delete 'auth0|63d17c4a8869daf88ed7db97' --yes

    Raises CommandFailed when stdin is not a terminal and `--yes` is missing.
    """
    if not yes and not sys.stdin.isatty():
        raise CommandFailed(
            "the deletion cannot be confirmed without a terminal", "add --yes to delete without confirmation"
        )
    operations.delete(ManagementApi.at(management_url, token), user_id, not yes, as_json)


@app.command()
def restore(
    user_id: UserId, as_json: AsJson = False, management_url: ManagementUrl = None, token: Token = None
) -> None:
    """Restore a deleted user with everything it had: attributes, metadata, roles, links and factors.

    Users can be restored for 30 days, or as many as the tenant setting user_restore_days says. Sessions and
    tokens remain ended.

    Example: vita users restore 'auth0|63d17c4a8869daf88ed7db97'
    """
    operations.restore(ManagementApi.at(management_url, token), user_id, as_json)


@app.command()
def revert(
    user_id: UserId,
    to: To,
    attributes: Attributes = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    management_url: ManagementUrl = None,
    token: Token = None,
    kafka_bootstrap: Kafka = None,
    topic_prefix: TopicPrefix = None,
    database_url: Database = None,
    key_provider: KeyProvider = None,
) -> None:
    """Give a user the attributes that it had at a time: those that admins edit, metadata and blocks.

    The past is read from the event log; the changes are ordinary edits, with their rules and events. The
    token needs read:events, read:users and update:users.

    Example: vita users revert 'auth0|63d1' --to 2026-11-23T10:00:00Z --attribute app_metadata --dry-run

    Raises typer.BadParameter when the time or an attribute is not valid, and CommandFailed when the user did
    not exist then.
    """
    from schemas.topics import Topic
    from services.cli.users.past import HistoryAccess, document_at
    from services.commands.undo.revert import REVERTIBLE, is_revertible

    for name in attributes or ():
        if not is_revertible(name):
            known = ", ".join(REVERTIBLE)
            raise typer.BadParameter(f"{name!r} is none of {known}", param_hint="--attribute")
    try:
        moment = parse(to)
    except ValueError:
        raise typer.BadParameter(f"{to!r} is not a time such as 2026-11-23T10:00:00Z") from None
    url = addresses.management_url(management_url)
    kafka, bearer = addresses.kafka(kafka_bootstrap), bearer_token(token, url)
    topic = addresses.topic(addresses.topic_prefix(topic_prefix, kafka), Topic.PROFILE_EVENTS)
    ledger = addresses.ledger(database_url, key_provider)
    past = run(document_at(HistoryAccess(ledger, kafka, topic, url, bearer), user_id, moment))
    if past is None:
        raise CommandFailed("the user did not exist at that time", "name a later time with --to")
    operations.revert(ManagementApi(url, bearer), user_id, past, attributes or [], dry_run, as_json)
