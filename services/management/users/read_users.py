"""GET /users/{id} and /users-by-email."""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from services.commands.user_rejections import NO_SUCH_USER
from services.ledger.keys import users as keyed_users
from services.management.http import authorization, responses
from services.management.http import present as presenting
from services.management.http.command_context import has_revision
from services.management.http.models.results import User
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.management.users.history_models import GetUser
from services.management.users.models import UsersByEmail
from services.management.users.time_travel import ERASED, user_at
from services.queries import users
from services.runtime.rejection import Rejected

_READ: Final = ("read:users", "read:current_user", authorization.IDP_TOKENS)


async def get_user(call: Call) -> Response:
    """Return a user, as the stored bytes unless the request selects fields or may see tokens. With `as_of`,
    return the user at that moment, by the event log.

    Raises Rejected (not_found), and what `user_at` raises.
    """
    query: GetUser = call.query
    if query.as_of is not None:
        return await user_at(call, query.as_of, query)
    user_id = call.path("id")
    tokens = authorization.IDP_TOKENS in authorization.reaching(call.scopes, call.principal, user_id)
    rows = call.service.storage.users.with_secrets if tokens else call.service.storage.users.by_id
    row = await rows.row(call.tenant, user_id)
    if row is None:
        raise Rejected(NO_SUCH_USER)
    headers = responses.revision_headers(row["revision"])
    if has_revision(call.request.headers, row["revision"]):
        return responses.nothing(304, headers)
    found = users.tokens_of(row, call.keyring, call.tenant) if tokens else None
    names = presenting.field_names(query.fields)
    return responses.document(
        presenting.present(row["document"], names, query.include_fields, found), headers=headers
    )


async def users_by_email(call: Call) -> Response:
    """Return all users with exactly this email address, in all connections."""
    query: UsersByEmail = call.query
    tokens_of = tokens_for(call)
    async with call.connection() as connection:
        rows = await keyed_users.users_by_email(connection, call.tenant, query.email, tokens_of is not None)
    return responses.document(presenting.shown(rows, query, tokens_of))


def tokens_for(call: Call) -> presenting.TokensOf | None:
    """Return the function that decrypts the identity providers' tokens of users in lists; None if the caller
    may not see them."""
    if not authorization.sees_tokens(call.principal):
        return None
    return lambda row: users.tokens_of(row, call.keyring, call.tenant)


_COMMON: Final[Mapping[int, str]] = {
    400: "Invalid request.",
    401: "Invalid token.",
    403: "Insufficient scope.",
}
GET_USER: Final = Operation(
    method="GET",
    path="/api/v2/users/{id}",
    handler=get_user,
    scopes=_READ,
    group="read_users",
    summary="Get a User",
    description=(
        "Returns one user. With `fields`, only the named properties are returned. The access tokens of"
        " identity providers are included only for callers that have the scope `read:user_idp_tokens`. With"
        " `as_of`, the user is returned as of that moment, also a deleted one who existed then."
    ),
    query=GetUser,
    result=User,
    responses={
        200: "The user.",
        304: "Not modified.",
        **_COMMON,
        404: "No such user.",
        410: ERASED,
        503: "Not available now.",
    },
)
OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/api/v2/users-by-email",
        handler=users_by_email,
        scopes=("read:users",),
        group="read_users",
        summary="Search Users by Email",
        description="Returns all users whose email address is exactly the given one, in all connections.",
        query=UsersByEmail,
        result=list[User],
        responses={200: "Users.", **_COMMON},
    ),
    GET_USER,
)
