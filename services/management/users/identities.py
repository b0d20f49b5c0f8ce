"""Linking and unlinking of accounts, and the history of both (fact sheet §9)."""

from collections.abc import Mapping, Set
from typing import Any, Final

from starlette.responses import Response

from schemas.events import LinkMeans
from services.commands.links.decide import (
    IDENTITIES_BUSY,
    IDENTITY_EXISTS,
    NO_SUCH_IDENTITY,
    UNABLE,
    Party,
    Steps,
    identities_with_data,
    link,
    linked_subject,
    refuse_link,
    unlink,
)
from services.commands.links.link_target import accounts, by_name, by_token, find_party
from services.commands.saga import Busy, Progress, read_parties
from services.commands.users import people
from services.commands.users.rejections import NO_SUCH_USER
from services.commands.writer import Written
from services.management.http import authorization, responses
from services.management.http.command_context import command_of
from services.management.http.errors import insufficient_scope
from services.management.http.models.results import Identity
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.management.users.identity_models import IdentityChange, LinkIdentity
from services.runtime.rejection import Rejected, Rejection, invalid_body


async def link_identity(call: Call) -> Response:
    """Another account becomes one of the user's identities."""
    body: LinkIdentity = call.body
    user_id = call.path("id")
    means = _means(body, authorization.reaching(call.scopes, call.principal, user_id))
    token_of = None
    if body.link_with is not None:
        token_of = await call.service.link_tokens.subject(body.link_with, call.principal)
    primary = await _living(call, user_id)
    if token_of is None:
        secondary = await by_name(call, primary, body)
    else:
        secondary = await by_token(call, primary, token_of)
    return await _link(call, primary, secondary, means)


async def _link(call: Call, primary: Party, secondary: Party, means: LinkMeans) -> Response:
    def decide(parties: Mapping[str, Party]) -> Steps:
        one, other = parties.get(primary.subject), parties.get(secondary.subject)
        rejection = refuse_link(one, other)
        if rejection is not None or one is None or other is None:
            raise Rejected(rejection or UNABLE)
        return link(one, other, means)

    subjects = [primary.subject, secondary.subject]
    try:
        progress = await call.service.links.carry_out(
            command_of(call), "link", subjects, primary.subject, decide, call.pending
        )
    except Busy:
        raise Rejected(IDENTITY_EXISTS) from None
    if progress.took_effect is False:
        parties = await _parties(call, *subjects)
        raise Rejected(refuse_link(*map(parties.get, subjects)) or UNABLE)
    return await _identities(call, primary, progress, 201)


async def unlink_identity(call: Call) -> Response:
    """A linked account becomes a user of its own again."""
    user_id, provider = call.path("id"), call.path("provider")
    authorization.reaching(call.scopes, call.principal, user_id)
    primary = await _living(call, user_id)
    found = [(one, linked_subject(primary.profile, provider, one)) for one in _accounts(call, provider)]
    idp_id, subject = next(
        (item for item in found if item[1] != NO_SUCH_IDENTITY),
        found[0],
    )
    if isinstance(subject, Rejection):
        raise Rejected(subject)

    def decide(parties: Mapping[str, Party]) -> Steps:
        one, other = parties.get(primary.subject), parties.get(subject)
        if one is None or other is None or linked_subject(one.profile, provider, idp_id) != subject:
            raise Rejected(NO_SUCH_IDENTITY)
        return unlink(one, other, provider, idp_id)

    subjects = [primary.subject, subject]
    try:
        progress = await call.service.links.carry_out(
            command_of(call), "unlink", subjects, primary.subject, decide, call.pending
        )
    except Busy:
        raise Rejected(IDENTITIES_BUSY) from None
    return await _identities(call, primary, progress, 200)


async def identity_history(call: Call) -> Response:
    """What was linked to a user and unlinked again, the newest first."""
    user_id = call.path("id")
    authorization.reaching(call.scopes, call.principal, user_id)
    person = await _living(call, user_id)
    entries: list[dict[str, Any]] = person.profile.holdings.get("links", [])
    shown = [{name: value for name, value in entry.items() if name != "command"} for entry in entries]
    return responses.value(shown[::-1])


def _means(body: LinkIdentity, scopes: Set[str]) -> LinkMeans:
    """How the secondary account is shown to be the user's. Raises Rejected."""
    named = [name for name in ("provider", "user_id", "connection_id") if body.given(name)]
    if body.link_with is not None:
        if named:
            raise Rejected(invalid_body(f"Additional properties not allowed: {named[0]}"))
        return "token"
    if "update:users" not in scopes:
        raise Rejected(insufficient_scope("update:users"))
    for name in ("provider", "user_id"):
        if not body.given(name):
            raise Rejected(invalid_body(f"Missing required property: {name}"))
    return "admin"


def _accounts(call: Call, provider: str) -> list[str]:
    return accounts(provider, call.path("user_id"))


async def _living(call: Call, user_id: str) -> Party:
    found = await find_party(call, user_id)
    if found is None:
        raise Rejected(NO_SUCH_USER)
    return found


async def _parties(call: Call, *subjects: str) -> dict[str, Party]:
    service = call.service
    async with service.database.connection(call.tenant) as connection:
        parties, _ = await read_parties(connection, service.keyring, call.tenant, subjects)
    return parties


async def _identities(call: Call, primary: Party, progress: Progress, status: int) -> Response:
    """All identities there are now; 202 while the view is late."""
    if progress.position is None:
        raise RuntimeError("a command that came this far has a position")
    if progress.took_effect is None:
        return people.accepted(Written(progress.position, visible=False))
    now = (await _parties(call, primary.subject))[primary.subject].profile
    headers = responses.revision_headers(now.revision, progress.position)
    return responses.value(identities_with_data(now), status, headers)


_ERRORS: Final[Mapping[int, str]] = {
    400: "Invalid request.", 401: "Invalid token.", 403: "Insufficient scope.", 404: "No such user.",
    503: "Not available now; the outcome may be unknown.",
}  # fmt: skip
_WRITE: Final = ("update:users", "update:current_user_identities")
_LATE: Final = "Accepted; the view does not show it yet."
_BODY: Final = {413: "Body too large."}
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
            409: "The identity is linked already.",
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
            200: "The identities left.",
            202: _LATE,
            **_ERRORS,
            409: "Its identities are being changed.",
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
        responses={200: "Links and unlinks, the newest first.", **_ERRORS},
    ),
)
