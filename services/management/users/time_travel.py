"""The user at a past moment: GET /users/{id}?as_of, and where each value came from: GET …/provenance."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from projections.history.moment import Moment
from projections.profile.changes.links import merged_into
from projections.profile.document import ordered
from projections.profile.state import Profile
from schemas.formats import exact_json
from services.commands.context import current_time
from services.commands.user_rejections import NO_SUCH_USER
from services.management.http import authorization, responses
from services.management.http import present as presenting
from services.management.http.command_context import has_revision
from services.management.http.errors import ErrorResponse, HttpError, insufficient_scope
from services.management.http.models.query import Selected
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.management.users.history_models import Provenance, ProvenanceQuery
from services.queries.user_history.person_log import PersonLog
from services.queries.user_history.travel import explained_at, moment_of, profile_at
from services.runtime.rejection import Rejected, Rejection

SCOPES: Final = "read:users read:user_history"
"""Both are needed to read the past."""
ERASED: Final = ErrorResponse(
    410, "The user's data has been erased: the keys that open the history are destroyed.", "user_erased"
)
REACHES: Final = "Vita-History-Reaches"
"""The position up to which an answer knows every event of the user."""


async def user_at(call: Call, text: str, query: Selected) -> Response:
    """Return the user as of a time or a position.

    Raises Rejected: forbidden without both scopes, invalid for no past moment, not_found when the user did
    not exist then; HttpError (410) for an erased user.
    """
    if not set(SCOPES.split()) <= call.principal.scopes:
        raise Rejected(insufficient_scope(SCOPES))
    moment = moment_of(text, current_time())
    async with call.service.storage.history.turn(call.tenant):
        log = await log_of(call)
        found = await profile_at(log, moment)
    document = _existing(found.profile)
    headers = responses.revision_headers(found.profile.revision, found.position)
    headers[REACHES] = str(log.index.end)
    if has_revision(call.request.headers, found.profile.revision):
        return responses.nothing(304, headers)
    tokens = None
    if authorization.IDP_TOKENS in call.principal.scopes:
        tokens = found.profile.secrets.get("tokens", {})
    names = presenting.field_names(query.fields)
    text = exact_json.dumps(ordered(document)).decode()
    shown = presenting.present(text, names, query.include_fields, tokens)
    return responses.document(shown, headers=headers)


async def get_provenance(call: Call) -> Response:
    """Return for each attribute of a user where its value came from.

    Raises Rejected and HttpError as `user_at`.
    """
    query: ProvenanceQuery = call.query
    moment: Moment | None = None if query.as_of is None else moment_of(query.as_of, current_time())
    async with call.service.storage.history.turn(call.tenant):
        log = await log_of(call)
        explainer = await explained_at(log, moment)
    document = _existing(explainer.profile)
    found = explainer.explained()
    names = presenting.field_names(query.attributes)
    shown = [one for one in found if not names or one["attribute"] in names]
    headers = {**responses.revision_headers(explainer.profile.revision), REACHES: str(log.index.end)}
    return responses.value({"user_id": document["user_id"], "attributes": shown}, headers=headers)


async def log_of(call: Call) -> PersonLog:
    """Return the log of the user that the path names. Raises Rejected (not_found) for an id that no user ever
    had, HttpError (410) for an erased user."""
    log = await call.service.storage.history.of_user(call.tenant, call.path("id"))
    if log is None:
        raise Rejected(NO_SUCH_USER)
    if log.is_erased:
        raise HttpError(ERASED)
    return log


def _existing(profile: Profile) -> Mapping[str, Any]:
    """Return the document of a profile. Raises Rejected (not_found), with the reason, when there was none."""
    if profile.document is not None:
        return profile.document
    if profile.memory.deleted_at is not None:
        reason = f"The user did not exist at this moment: it had been deleted at {profile.memory.deleted_at}."
    elif merged_into(profile) is not None:
        reason = "The user did not exist at this moment: its identity was linked to another user."
    else:
        reason = "The user did not exist yet at this moment."
    raise Rejected(Rejection("not_found", reason, NO_SUCH_USER.code))


REFUSALS: Final[Mapping[int, Any]] = {
    400: "Invalid request.",
    401: "Invalid token.",
    403: "Insufficient scope.",
    404: NO_SUCH_USER,
    410: ERASED,
    503: "Not available now.",
}
"""The responses, besides 200, of operations about a user's past."""
OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/api/v2/users/{id}/provenance",
        handler=get_provenance,
        scopes=(SCOPES,),
        group="read_users",
        summary="Get where a user's attributes come from",
        description=(
            "Returns for each attribute of a user its value, and the event, the time, the connection or actor"
            " and the claim that it came from. Where the latest login or a linked identity has another value,"
            " `alternatives` lists it with the rule by which it was not chosen. With `as_of`, the answer is"
            " about the user at that moment."
        ),
        query=ProvenanceQuery,
        result=Provenance,
        responses={200: "The attributes and their sources.", **REFUSALS},
    ),
)
