"""POST, PATCH and DELETE of users. Each writes an event and then returns the state of the view."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Final

from starlette.responses import Response

from projections.profile.document import ordered
from schemas.events import MetadataMerge
from services.commands.context import Command
from services.commands.users.check_profile_size import ADVISED_BYTES
from services.commands.users.inputs import NewUser, UserEdit
from services.commands.writer import Written
from services.management.http import authorization, responses
from services.management.http.command_context import context_of
from services.management.http.errors import insufficient_scope
from services.management.http.models.results import User
from services.management.http.operation import Operation
from services.management.http.pipeline import bodies
from services.management.http.requests import Call
from services.management.users.models import CreateUser, UpdateUser
from services.queries.users import Outcome
from services.runtime.rejection import Rejected

WARNING: Final = "Vita-Warning"
_NEW_USER: Final = tuple(field.name for field in fields(NewUser))
_UPDATE: Final = ("update:users", "update:users_app_metadata", "update:current_user_metadata")


async def create_user(call: Call) -> Response:
    """Create a user of a database or passwordless connection."""
    created = await call.commands.users.create(context_of(call), new_user_of(call.body))
    if created.shown is None or created.shown.text is None:
        return responses.accepted(created.written.position, {"user_id": created.user_id})
    return _shown(created.shown, created.command, created.written, 201)


async def update_user(call: Call) -> Response:
    """Change the properties in the body; the others remain."""
    body: UpdateUser = call.body
    user_id = call.path("id")
    _check_fields(authorization.reaching(call.scopes, call.principal, user_id), body)
    merge: MetadataMerge = "deep" if bodies.media_type(call.request) == bodies.MERGE_PATCH else "first_level"
    executed = await call.commands.users.edit(context_of(call), user_id, edit_of(body, merge))
    person, command, written = executed.state, executed.command, executed.written
    if command is None or written is None:
        return responses.document(person.text, headers=responses.revision_headers(person.revision))
    if executed.shown is None:
        return responses.accepted(written.position)
    return _shown(executed.shown, command, written, 200)


async def delete_user(call: Call) -> Response:
    """Delete a user; 204 also for an unknown one."""
    user_id = call.path("id")
    authorization.reaching(call.scopes, call.principal, user_id)
    written = await call.commands.users.delete(context_of(call), user_id)
    return responses.after_write(written, responses.nothing())


async def restore_user(call: Call) -> Response:
    """A deleted user with everything it had; 202 while the view is late."""
    context = context_of(call, guarded=False)
    position, restored = await call.commands.restores.restore(context, call.path("id"))
    if restored is None or restored.document is None:
        return responses.accepted(position)
    headers = responses.revision_headers(restored.revision, position)
    return responses.value(ordered(restored.document), headers=headers)


def new_user_of(body: CreateUser) -> NewUser:
    """Return the input of the command that creates this user."""
    return NewUser(**{name: getattr(body, name) for name in _NEW_USER})


def edit_of(body: UpdateUser, merge: MetadataMerge = "first_level") -> UserEdit:
    """Return the input of the command that makes these changes."""
    values = {name: getattr(body, name) for name in body.model_fields_set if name != "connection"}
    return UserEdit(values, body.connection, merge)


def _shown(outcome: Outcome, command: Command, written: Written, status: int) -> Response:
    """Return the user as the view shows it, with a warning if the profile exceeds the advised size."""
    headers = responses.revision_headers(outcome.revision, written.position)
    if command.profile_bytes is not None:
        headers[WARNING] = (
            f"The profile has {command.profile_bytes} bytes, more than the advised {ADVISED_BYTES}."
        )
    return responses.document(outcome.text or "", status, headers)


def _check_fields(scopes: frozenset[str], body: UpdateUser) -> None:
    """Check that the scopes permit all properties in the body; two scopes permit one property each. Raises
    Rejected."""
    if "update:users" in scopes:
        return
    allowed = {"connection"}
    if "update:users_app_metadata" in scopes:
        allowed.add("app_metadata")
    if "update:current_user_metadata" in scopes:
        allowed.add("user_metadata")
    if not body.model_fields_set <= allowed:
        raise Rejected(insufficient_scope("update:users"))


_ERRORS: Final[Mapping[int, str]] = {
    400: "Invalid request.", 401: "Invalid token.", 403: "Insufficient scope.", 413: "The body is too large.",
    503: "The service is temporarily unavailable. The outcome may be unknown.",
}  # fmt: skip
_LATE: Final = "Accepted; the view does not show it yet."
_OTHER_REVISION: Final = "The revision differs from the one in If-Match."
OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/api/v2/users",
        handler=create_user,
        scopes=("create:users",),
        group="write_users",
        summary="Create a User",
        description=(
            "Creates a user in a database or passwordless connection. Email address, username and phone"
            " number must be unique within the connection."
        ),
        body=CreateUser,
        result=User,
        responses={201: "The user.", 202: _LATE, **_ERRORS, 409: "The user already exists."},
    ),
    Operation(
        method="PATCH",
        path="/api/v2/users/{id}",
        handler=update_user,
        scopes=_UPDATE,
        group="write_users",
        summary="Update a User",
        description=(
            "Updates the properties that the body names; all others remain unchanged. `user_metadata` and"
            " `app_metadata` are merged at their first level, or recursively if the content type is"
            " `application/merge-patch+json`. With `update:users_app_metadata` only `app_metadata` can be"
            " changed, with `update:current_user_metadata` only `user_metadata`."
        ),
        body=UpdateUser,
        result=User,
        responses={200: "The user.", 202: _LATE, **_ERRORS, 404: "No such user.", 412: _OTHER_REVISION},
    ),
    Operation(
        method="DELETE",
        path="/api/v2/users/{id}",
        handler=delete_user,
        scopes=("delete:users", "delete:current_user"),
        group="delete_users",
        summary="Delete a User",
        description=(
            "Deletes a user together with its linked identities. Returns 204 if the user does not exist."
        ),
        responses={202: _LATE, 204: "Deleted.", **_ERRORS, 412: _OTHER_REVISION},
    ),
    Operation(
        method="POST",
        path="/api/v2/users/{id}/restore",
        handler=restore_user,
        scopes=("create:users",),
        group="write_users",
        summary="Restore a User",
        description=(
            "Restores a deleted user with its profile, metadata, roles, permissions, organizations, linked"
            " identities and factors. Sessions, tokens and grants remain ended. A user can be restored for"
            " `user_restore_days` of the tenant settings, 30 by default."
        ),
        result=User,
        responses={
            200: "The user.",
            202: _LATE,
            **_ERRORS,
            404: "No such user.",
            409: "The user is not deleted, or another user has one of its unique values by now.",
            410: "The grace period is over, or the user was erased.",
        },
    ),
)
