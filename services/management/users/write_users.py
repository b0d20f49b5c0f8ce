"""POST, PATCH and DELETE of users: events first, then the view's answer."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final

from starlette.responses import Response

from projections.connection.fold import Connection
from projections.connection.row import connection_of
from projections.normalization.defaults import Pictures, pictures_of
from projections.profile.changes.edits import place_of
from projections.profile.changes.links import links_of, owner_of
from projections.profile.state import NO_PROFILE
from schemas.events import MetadataMerge, UserDeleted, UserDeletedData
from services.commands.context import STALE_REVISION, Command, to_events
from services.commands.outcome import Accepted, Draft
from services.commands.reserve import claim
from services.commands.users import check_profile_size, people
from services.commands.users.create import decide_create, refuse_create
from services.commands.users.delete_linked import delete_together
from services.commands.users.edit import decide_edit, target_connection
from services.commands.users.edit_rules import NOT_THEIRS, OF_A_CONNECTION, refuse_edit
from services.commands.users.registration import Registered, candidate_ids, register
from services.commands.users.rejections import NO_SUCH_USER, USER_EXISTS
from services.ledger import reservations
from services.management.http import authorization, bodies, responses
from services.management.http.command_context import command_of, expected_revision
from services.management.http.errors import insufficient_scope
from services.management.http.models.results import User
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.management.users.models import CreateUser, UpdateUser
from services.queries import users
from services.runtime.rejection import Rejected, Rejection, invalid

_TAKEN: Final[Mapping[str, Rejection]] = {
    "email": invalid("The specified new email already exists", "auth0_idp_error"),
    "username": invalid("The username provided is in use already.", "auth0_idp_error"),
    "phone_number": invalid("The specified new phone number already exists", "auth0_idp_error"),
}
_UPDATE: Final = ("update:users", "update:users_app_metadata", "update:current_user_metadata")


async def create_user(call: Call) -> Response:
    """A user of a database or passwordless connection."""
    body: CreateUser = call.body
    service, command = call.service, command_of(call)
    row = await service.connections.row(call.tenant, body.connection)
    known = None if row is None else connection_of(row)
    rejection = refuse_create(known, body)
    if rejection is not None or known is None:
        raise Rejected(rejection or NO_SUCH_USER)
    password_hash = await _hashed(call, body.password)
    pictures = pictures_of(row["default_picture"], service.settings.token_issuer)
    user_id, registered, command = await _register(call, command, known, password_hash, pictures)
    written = await people.write(call, registered.events, registered.keys, USER_EXISTS)
    if not written.visible:
        return people.accepted(written, {"user_id": user_id})
    outcome = await people.outcome(call, registered.subject, command)
    if outcome.refused or outcome.text is None:
        raise Rejected(USER_EXISTS)
    headers = responses.revision_headers(outcome.revision, written.position)
    return responses.document(outcome.text, 201, {**headers, **check_profile_size.warning(command)})


async def update_user(call: Call) -> Response:
    """What the body names is changed, the rest stays."""
    body: UpdateUser = call.body
    user_id = call.path("id")
    _refuse_fields(authorization.reaching(call.scopes, call.principal, user_id), body)
    async with _turn(call, user_id):
        return await _update(call, user_id, body)


async def _update(call: Call, user_id: str, body: UpdateUser) -> Response:
    person, known = await _person_and_connection(call, user_id, body)
    expected = expected_revision(call.request.headers, person.revision)
    document = person.document
    rejection = refuse_edit(document, known, body)
    if rejection is not None:
        raise Rejected(rejection)
    password_hash = await _hashed(call, body.password)
    merge: MetadataMerge = "deep" if bodies.media_type(call.request) == bodies.MERGE_PATCH else "first_level"
    decision = decide_edit(document, known, body, password_hash, expected, merge)
    if isinstance(decision, Rejection):
        raise Rejected(decision)
    if not decision.drafts:
        return responses.document(person.text, headers=responses.revision_headers(person.revision))
    return await _edit(call, person, decision, expected)


async def delete_user(call: Call) -> Response:
    """Gone from the views; 204 also for somebody who never was."""
    user_id = call.path("id")
    authorization.reaching(call.scopes, call.principal, user_id)
    async with _turn(call, user_id):
        return await remove(call, user_id)


async def remove(call: Call, user_id: str) -> Response:
    """Gone, under the conditions the request makes."""
    person = await people.find(call, user_id)
    if person is None:
        return responses.nothing()
    command = command_of(call)
    expected = expected_revision(call.request.headers, person.revision)
    if links_of(person.profile):
        return await delete_together(call, person.subject)
    draft = Draft(UserDeleted, UserDeletedData(expected_revision=expected))
    events = to_events(command, person.subject, (draft,))
    written = await people.write(call, events, person.keys, NO_SUCH_USER)
    if not written.visible:
        return people.accepted(written)
    outcome = await people.outcome(call, person.subject, command)
    if outcome.refused and outcome.text is not None:
        if expected is None:
            return await delete_together(call, person.subject)
        raise Rejected(STALE_REVISION)
    return responses.nothing(headers={responses.POSITION: str(written.position)})


async def _edit(call: Call, person: users.Person, accepted: Accepted, expected: int | None) -> Response:
    limit = call.service.settings.profile_limit_bytes
    command = check_profile_size.weighed(command_of(call), person.profile, accepted.drafts, call.sent, limit)
    events = to_events(command, person.subject, accepted.drafts)
    if accepted.claims:
        owner = _owner(person, accepted.claims[0].connection)
        try:
            await claim(call, owner, accepted.claims, events)
        except reservations.Taken as taken:
            raise Rejected(_TAKEN[taken.kind]) from None
    written = await people.write(call, events, person.keys, NO_SUCH_USER)
    if not written.visible:
        return people.accepted(written)
    outcome = await people.outcome(call, person.subject, command)
    if outcome.text is None:
        raise Rejected(NO_SUCH_USER)
    if outcome.refused:
        raise Rejected(NOT_THEIRS if expected is None else STALE_REVISION)
    headers = responses.revision_headers(outcome.revision, written.position)
    return responses.document(outcome.text, headers={**headers, **check_profile_size.warning(command)})


def _owner(person: users.Person, connection: str) -> str:
    """Whose the values of an identity are: a linked one keeps those it had as a person of its own."""
    document = person.document
    identity = document["identities"][place_of(document, connection) or 0]
    return owner_of(person.profile, identity, person.subject)


async def _hashed(call: Call, password: str | None) -> str | None:
    return None if password is None else await call.service.passwords.hash(call.tenant, password)


def _turn(call: Call, user_id: str) -> AbstractAsyncContextManager[None]:
    return call.service.turns.of(call.tenant, user_id, "if-match" in call.request.headers)


async def _person_and_connection(
    call: Call, user_id: str, body: UpdateUser
) -> tuple[users.Person, Connection | None]:
    """The user, and the connection the edit is about; that one is only read when the edit needs it."""
    person = await people.find(call, user_id)
    if person is None:
        raise Rejected(NO_SUCH_USER)
    if not any(body.given(name) for name in (*OF_A_CONNECTION, "connection")):
        return person, None
    return person, await _connection(call, target_connection(person.document, body))


async def _connection(call: Call, name: str) -> Connection | None:
    """The living connection of this name."""
    row = await call.service.connections.row(call.tenant, name)
    return None if row is None else connection_of(row)


async def _register(
    call: Call, command: Command, known: Connection, password_hash: str | None, pictures: Pictures
) -> tuple[str, Registered, Command]:
    """Under the first id that is free, with the command as it was carried out. Raises Rejected (409) when
    somebody has the id or one of the values."""
    service, body = call.service, call.body
    for idp_id in candidate_ids(known, body):
        accepted = decide_create(known, body, password_hash, idp_id, pictures)
        if isinstance(accepted, Rejection):
            raise Rejected(accepted)
        limit = service.settings.profile_limit_bytes
        command = check_profile_size.weighed(command, NO_PROFILE, accepted.drafts, call.sent, limit)
        for last in (False, True):
            try:
                registered = await _registered(call, command, known, idp_id, accepted)
            except reservations.Taken:
                if last or not await service.reconciler.settle(call.tenant, accepted.claims):
                    raise Rejected(USER_EXISTS) from None
                continue
            if registered is not None:
                return f"{known.strategy}|{idp_id}", registered, command
            break
    raise Rejected(USER_EXISTS)


async def _registered(
    call: Call, command: Command, source: Connection, idp_id: str, accepted: Accepted
) -> Registered | None:
    """Most are new with nothing in their way; only where that is not so is it found out why."""
    service = call.service
    found = await service.newcomers.register(command, source, idp_id, accepted)
    if found is not None:
        return found
    async with service.database.connection(call.tenant) as connection:
        return await register(connection, service.keyring, command, source, idp_id, accepted)


def _refuse_fields(scopes: frozenset[str], body: UpdateUser) -> None:
    """Two scopes reach one property each."""
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
    400: "Invalid request.", 401: "Invalid token.", 403: "Insufficient scope.", 413: "Body too large.",
    503: "Not available now; the outcome may be unknown.",
}  # fmt: skip
_LATE: Final = "Accepted; the view does not show it yet."
_OTHER_REVISION: Final = "If-Match names another revision."
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
        responses={202: _LATE, 204: "Gone.", **_ERRORS, 412: _OTHER_REVISION},
    ),
)
