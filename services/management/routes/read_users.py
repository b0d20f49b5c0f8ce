"""GET /users, /users/{id} and /users-by-email."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from services.management import access, answers, presenting
from services.management.commanding import has_revision
from services.management.endpoint import Call, Operation
from services.management.models.paging import listed
from services.management.models.results import User
from services.management.models.users import ListUsers, Selected, UsersByEmail
from services.management.refusals import NO_SUCH_USER, Refusal, Refused, bad_request, violation
from services.runtime.sql import load

IDP_TOKENS: Final = "read:user_idp_tokens"
_READ: Final = ("read:users", "read:current_user", IDP_TOKENS)
_NO_SEARCH: Final = bad_request(
    "Searching with 'q' is not available yet. List users without it, or use /api/v2/users-by-email.",
    "operation_not_supported",
)
_ENGINES: Final[Mapping[str, Refusal]] = {
    "v1": bad_request("You are not allowed to use search_engine=v1."),
    "v2": bad_request("You are not allowed to use search_engine=v2. Use search_engine=v3 instead."),
}
_COLUMNS: Final[Mapping[str, str]] = {
    "created_at": "s.created_at",
    "user_id": "s.user_id",
    "email": "s.email_folded",
    "email_verified": "s.email_verified",
    "username": "s.username",
    "phone_number": "s.phone_number",
    "phone_verified": "s.phone_verified",
    "name": "s.name_folded",
    "nickname": "s.nickname_folded",
    "given_name": "s.given_name_folded",
    "family_name": "s.family_name_folded",
    "blocked": "s.blocked",
}
_ACTIVITY_COLUMNS: Final[Mapping[str, str]] = {
    "updated_at": "a.updated_at",
    "last_login": "a.last_login",
    "last_ip": "a.last_ip",
    "logins_count": "a.logins_count",
}
_DIRECTIONS: Final[Mapping[str, str]] = {"1": "ASC", "-1": "DESC"}
_ALWAYS_THERE: Final = ("created_at", "user_id", "updated_at")


async def get_user(call: Call) -> Response:
    """One user; the bytes of the view where nothing special is asked for."""
    user_id = call.path("id")
    tokens = IDP_TOKENS in access.reaching(call.scopes, call.principal, user_id)
    query: Selected = call.query
    if "\x00" in user_id:
        raise Refused(NO_SUCH_USER)
    name = "user_with_secrets" if tokens else "user"
    async with call.service.database.connection(call.tenant) as connection:
        row = await connection.fetchrow(load("services.management")[name], call.tenant, user_id)
    if row is None:
        raise Refused(NO_SUCH_USER)
    headers = answers.revision_headers(row["revision"])
    if has_revision(call.request.headers, row["revision"]):
        return answers.nothing(304, headers)
    secrets = _with_tokens(row["secrets"]) if tokens else None
    names = presenting.field_names(query.fields)
    return answers.document(
        presenting.present(row["document"], names, query.include_fields, secrets), headers=headers
    )


async def list_users(call: Call) -> Response:
    """A page of all users."""
    query: ListUsers = call.query
    _refuse_search(query)
    filtered = () if query.connection is None else (query.connection,)
    async with call.service.database.connection(call.tenant) as connection:
        rows = await connection.fetch(
            page_statement(query), call.tenant, query.per_page, query.page * query.per_page, *filtered
        )
        total = None
        if query.include_totals:
            total = await connection.fetchval(count_statement(query), call.tenant, *filtered)
    users = _presented(call, rows, query)
    if total is None:
        return answers.document(users)
    parts = {
        "start": query.page * query.per_page,
        "limit": query.per_page,
        "length": len(rows),
        "users": None,
        "total": total,
    }
    return answers.document(presenting.wrapped(parts, {"users": users}))


async def users_by_email(call: Call) -> Response:
    """Everybody with exactly this address, whatever the connection."""
    query: UsersByEmail = call.query
    async with call.service.database.connection(call.tenant) as connection:
        rows = await connection.fetch(load("services.management")["users_by_email"], call.tenant, query.email)
    return answers.document(_presented(call, rows, query))


def page_statement(query: ListUsers) -> str:
    """The statement of a page in the order asked for. Raises Refused for an order there is none."""
    queries = load("services.management")
    if query.sort is None:
        statement = queries["list_users"]
    else:
        field, _, direction = query.sort.rpartition(":")
        column = _COLUMNS.get(field) or _ACTIVITY_COLUMNS.get(field)
        if column is None or direction not in _DIRECTIONS:
            raise Refused(_unsortable(query.sort))
        way = _DIRECTIONS[direction]
        order = f"{column} {way}" if field in _ALWAYS_THERE else f"{column} {way} NULLS LAST"
        statement = queries["list_users" if field in _COLUMNS else "list_users_by_activity"]
        statement = statement.replace("s.created_at, s.subject", f"{order}, s.subject {way}")
    return statement if query.connection is None else _of_connection(statement, 4)


def count_statement(query: ListUsers) -> str:
    """The statement that counts what the pages hold."""
    statement = load("services.management")["count_users"]
    return statement if query.connection is None else _of_connection(statement, 2)


def _of_connection(statement: str, parameter: int) -> str:
    return statement.replace("s.tenant = $1", f"s.tenant = $1 AND s.connections @> ARRAY[${parameter}::text]")


def _presented(call: Call, rows: list[Any], query: Selected) -> bytes:
    names, tokens = presenting.field_names(query.fields), IDP_TOKENS in call.principal.scopes
    return presenting.array(
        presenting.present(row["document"], names, query.include_fields, row["secrets"] if tokens else None)
        for row in rows
    )


def _with_tokens(secrets: str | None) -> str | None:
    """The secrets when there are tokens among them."""
    return secrets if secrets is not None and '"tokens"' in secrets else None


def _refuse_search(query: ListUsers) -> None:
    refusal = _ENGINES.get(query.search_engine or "v3")
    if refusal is not None:
        raise Refused(refusal)
    if query.q:
        raise Refused(_NO_SEARCH)


def _unsortable(sort: str) -> Refusal:
    reason = f"String does not match pattern ^(<root field>):(1|-1)$: {sort[:200]}"
    return bad_request(violation("Query", reason, "sort", "Field to sort by"), "invalid_query_string")


_COMMON: Final[Mapping[int, str]] = {
    400: "Invalid request.",
    401: "Invalid token.",
    403: "Insufficient scope.",
}
GET_USER: Final = Operation(
    "GET", "/api/v2/users/{id}", get_user, _READ, "Get a User",
    {200: "The user.", 304: "Not modified.", **_COMMON, 404: "No such user."}, Selected, result=User,
    group="read_users",
)  # fmt: skip
OPERATIONS: Final = (
    Operation(
        "GET", "/api/v2/users", list_users, ("read:users",), "List or Search Users",
        {200: "Users.", **_COMMON, 503: "Not available now."}, ListUsers, result=listed(User, "users"),
        group="read_users",
    ),
    Operation(
        "GET", "/api/v2/users-by-email", users_by_email, ("read:users",), "Search Users by Email",
        {200: "Users.", **_COMMON}, UsersByEmail, result=list[User], group="read_users",
    ),
    GET_USER,
)  # fmt: skip
