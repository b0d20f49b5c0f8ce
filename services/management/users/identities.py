"""Linking and unlinking of accounts, and the history of a user's identities (fact sheet §9)."""

from collections.abc import Mapping, Set
from typing import Any, Final

from starlette.responses import Response

from services.commands.links.commands import Relinked
from services.commands.links.decide import identities_with_data
from services.commands.links.link_target import AccountName
from services.management.http import authorization, responses
from services.management.http.command_context import context_of
from services.management.http.errors import insufficient_scope
from services.management.http.models.results import Identity
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.management.users.identity_models import IdentityChange, LinkIdentity
from services.runtime.rejection import Rejected, invalid_body


async def link_identity(call: Call) -> Response:
    """Link another account to the user as an identity."""
    body: LinkIdentity = call.body
    user_id = call.path("id")
    _check_means(body, authorization.reaching(call.scopes, call.principal, user_id))
    links, context = call.commands.links, context_of(call, guarded=False)
    if body.link_with is not None:
        token_of = await call.service.auth.link_tokens.subject(body.link_with, call.principal)
        return _identities(await links.link_by_token(context, user_id, token_of), 201)
    account = AccountName(body.provider or "", body.user_id or "", body.connection_id)
    return _identities(await links.link(context, user_id, account), 201)


async def unlink_identity(call: Call) -> Response:
    """Unlink an identity, which becomes a separate user again."""
    user_id, provider = call.path("id"), call.path("provider")
    authorization.reaching(call.scopes, call.principal, user_id)
    links, context = call.commands.links, context_of(call, guarded=False)
    return _identities(await links.unlink(context, user_id, provider, call.path("user_id")), 200)


async def identity_history(call: Call) -> Response:
    """Return which identities were linked and unlinked, newest first."""
    user_id = call.path("id")
    authorization.reaching(call.scopes, call.principal, user_id)
    person = await call.commands.links.find(call.tenant, user_id)
    entries: list[dict[str, Any]] = person.profile.associations.get("links", [])
    shown = [{name: value for name, value in entry.items() if name != "command"} for entry in entries]
    return responses.value(shown[::-1])


def _check_means(body: LinkIdentity, scopes: Set[str]) -> None:
    """Check that the body proves that the secondary account is the user's: by an ID token or, for a caller
    who may change all users, by its id. Raises Rejected."""
    named = [name for name in ("provider", "user_id", "connection_id") if body.given(name)]
    if body.link_with is not None:
        if named:
            raise Rejected(invalid_body(f"Additional properties not allowed: {named[0]}"))
        return
    if "update:users" not in scopes:
        raise Rejected(insufficient_scope("update:users"))
    for name in ("provider", "user_id"):
        if not body.given(name):
            raise Rejected(invalid_body(f"Missing required property: {name}"))


def _identities(relinked: Relinked, status: int) -> Response:
    """Return all current identities; 202 if the view does not show the change yet."""
    if relinked.profile is None:
        return responses.accepted(relinked.position)
    headers = responses.revision_headers(relinked.profile.revision, relinked.position)
    return responses.value(identities_with_data(relinked.profile), status, headers)


_ERRORS: Final[Mapping[int, str]] = {
    400: "Invalid request.", 401: "Invalid token.", 403: "Insufficient scope.", 404: "No such user.",
    503: "The service is temporarily unavailable. The outcome may be unknown.",
}  # fmt: skip
_WRITE: Final = ("update:users", "update:current_user_identities")
_LATE: Final = "Accepted; the view does not show it yet."
_BODY: Final = {413: "The body is too large."}
OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/api/v2/users/{id}/identities",
        handler=link_identity,
        scopes=_WRITE,
        summary="Link a User Account",
        description=(
            "Links another user account to this user. The other account becomes an identity of this user"
            " and is no longer a user of its own. It is named by provider and user id, or by an ID token"
            " with `link_with`."
        ),
        body=LinkIdentity,
        result=list[Identity],
        responses={
            201: "All identities.",
            202: _LATE,
            **_ERRORS,
            **_BODY,
            409: "The identity is already linked.",
        },
    ),
    Operation(
        method="DELETE",
        path="/api/v2/users/{id}/identities/{provider}/{user_id}",
        handler=unlink_identity,
        scopes=_WRITE,
        summary="Unlink a User Account",
        description="Unlinks an identity from a user. The identity becomes a user of its own again.",
        result=list[Identity],
        responses={
            200: "The remaining identities.",
            202: _LATE,
            **_ERRORS,
            409: "The user's identities are being changed by other requests.",
        },
    ),
    Operation(
        method="GET",
        path="/api/v2/users/{id}/identities/history",
        handler=identity_history,
        scopes=("read:users", "read:current_user"),
        summary="Get the history of a user's identities",
        description="Returns which identities were linked to a user and unlinked, newest first.",
        result=list[IdentityChange],
        responses={200: "Links and unlinks, newest first.", **_ERRORS},
    ),
)
