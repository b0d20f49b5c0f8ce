"""Authentication methods, enrolments, recovery codes and their removal (fact sheet §4.5)."""

import string
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from projections.profile.changes.factors import Factor, factors_of
from schemas.events import (
    RecoveryCodeRegenerated,
    RecoveryCodeRegeneratedData,
    RememberedBrowsersInvalidated,
    RiskAssessmentCleared,
    RiskAssessmentClearedData,
)
from services.commands.decision import Acceptance, Decision, Draft
from services.commands.execute import Decide
from services.commands.factors import decide
from services.commands.factors.decide import FactorChange, NewFactor
from services.commands.identifiers import new_id
from services.commands.user_rejections import NO_SUCH_USER, UNKNOWN_USER, USER_BUSY
from services.commands.writer import Written
from services.management.factors import models, present
from services.management.http import authorization, responses
from services.management.http.command_context import context_of
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.management.sessions.models import ClearRiskAssessments
from services.queries.users import UserRecord
from services.runtime.rejection import Rejected, Rejection, invalid

_PROVIDERS: Final = ("duo", "google-authenticator")
_RECOVERY_CODE: Final = string.digits + string.ascii_uppercase


async def list_factors(call: Call) -> Response:
    """Return the user's authentication methods, masked."""
    query: models.FactorPage = call.query
    every = present.in_list((await _person(call)).associations)
    start = query.page * query.per_page
    page = [present.shown(factor) for factor in every[start : start + query.per_page]]
    if not query.include_totals:
        return responses.value(page)
    total = {"total": len(every)} if every else {}
    return responses.value({"authenticators": page, **total, "start": start, "limit": query.per_page})


async def get_factor(call: Call) -> Response:
    """Return one of the user's authentication methods, masked."""
    return responses.value(present.shown(await _factor(call, call.path("method_id"))))


async def create_factor(call: Call) -> Response:
    """Add a confirmed authentication method."""
    factor = _new_factor(call.body)
    written = await _changed(call, lambda person: decide.enrol(person.associations, factor))
    return await _answered(call, written, factor.id, 201)


async def set_factors(call: Call) -> Response:
    """Replace all authentication methods."""
    bodies: models.SetFactors = call.body
    factors = [_new_factor(body) for body in bodies.root]
    written = await _changed(call, lambda person: decide.replace(person.associations, factors), UNKNOWN_USER)
    if written is not None and not written.visible:
        return responses.accepted(written.position)
    person = await _person(call, UNKNOWN_USER)
    shown = [present.shown_set(factor) for factor in factors_of(person.associations)]
    return responses.value(shown, headers=_headers(written))


async def update_factor(call: Call) -> Response:
    """Change the name or the preferred delivery of an authentication method."""
    identity, body = call.path("method_id"), call.body
    changes = changes_of(body)
    written = await _changed(call, lambda person: decide.change(person.associations, identity, changes))
    return await _answered(call, written, identity, 200)


async def delete_factors(call: Call) -> Response:
    """Delete all authentication methods; 204 also for an unknown user."""
    if await call.commands.users.store.find(call.tenant, call.path("id")) is None:
        return responses.nothing()
    return await _without(
        call, lambda person: decide.remove(person.associations, factors_of(person.associations)), UNKNOWN_USER
    )


async def delete_factor(call: Call) -> Response:
    """Delete an authentication method."""
    identity = call.path("method_id")
    return await _without(call, lambda person: decide.remove_one(person.associations, identity))


async def delete_authenticators(call: Call) -> Response:
    """Delete all second factors and the recovery code, so that the user must enrol again."""
    return await _without(call, lambda person: decide.removal_of(decide.second_factors(person.associations)))


async def delete_provider(call: Call) -> Response:
    """Remove the second factors of a provider. Raises Rejected (invalid) for an unknown provider."""
    provider = call.path("provider")
    if provider not in _PROVIDERS:
        reason = f"Path validation error: 'No enum match for: {provider[:200]}' on property provider"
        raise Rejected(invalid(f"{reason} (The multi-factor provider).", "invalid_uri"))
    return await _without(
        call, lambda person: decide.removal_of(decide.of_provider(person.associations, provider))
    )


async def list_enrollments(call: Call) -> Response:
    """Return the first confirmed enrolment in multi-factor authentication."""
    authorization.reaching(call.scopes, call.principal, call.path("id"))
    return responses.value(present.enrollments((await _person(call)).associations))


async def regenerate_recovery_code(call: Call) -> Response:
    """Create a recovery code and return it. Only its hash is stored."""
    code = new_id("", 24, _RECOVERY_CODE)

    async def regenerated(_person: UserRecord) -> Decision:
        code_hash = await call.service.auth.passwords.hash(call.tenant, code)
        data = RecoveryCodeRegeneratedData(factor_id=new_id("recovery-code|dev_"), code_hash=code_hash)
        return Acceptance((Draft(RecoveryCodeRegenerated, data),))

    users, context = call.commands.users, context_of(call, guarded=False)
    written = (await users.change(context, call.path("id"), regenerated)).written
    return responses.value({"recovery_code": code}, headers=_headers(written) | {"Cache-Control": "no-store"})


async def invalidate_remembered_browsers(call: Call) -> Response:
    """Request that gateways ask for a second factor again in all of the user's browsers."""
    event = RememberedBrowsersInvalidated
    draft = Draft(event, event.model_fields["data"].default)
    return await _without(call, lambda _: Acceptance((draft,)))


async def clear_risk_assessments(call: Call) -> Response:
    """Request that gateways discard their knowledge of the user's devices."""
    body: ClearRiskAssessments = call.body
    data = RiskAssessmentClearedData(connection=body.connection, assessors=body.assessors)
    return await _without(call, lambda _: Acceptance((Draft(RiskAssessmentCleared, data),)))


def changes_of(body: models.UpdateFactor) -> FactorChange:
    """Return the input of the command that makes these changes."""
    return FactorChange(body.name, body.preferred_authentication_method)


def _new_factor(body: models.CreateFactor | models.SetFactor) -> NewFactor:
    given = body.model_dump(mode="json", exclude_none=True, exclude={"type"})
    return NewFactor(body.type, given, new_id("dev_"))


async def _changed(
    call: Call, decided: Decide[UserRecord], absent: Rejection = NO_SUCH_USER
) -> Written | None:
    """Execute the command; None if there is nothing to write."""
    users = call.commands.users
    return (await users.change_revision(context_of(call), call.path("id"), decided, absent=absent)).written


async def _without(call: Call, decided: Decide[UserRecord], absent: Rejection = NO_SUCH_USER) -> Response:
    return responses.after_write(await _changed(call, decided, absent), responses.nothing())


async def _answered(call: Call, written: Written | None, identity: str, status: int) -> Response:
    if written is not None and not written.visible:
        return responses.accepted(written.position, {"id": identity})
    return responses.value(present.shown_changed(await _factor(call, identity)), status, _headers(written))


async def _person(call: Call, absent: Rejection = NO_SUCH_USER) -> UserRecord:
    return await call.commands.users.store.get(call.tenant, call.path("id"), absent)


async def _factor(call: Call, identity: str) -> Factor:
    found = decide.find_factor((await _person(call)).associations, identity)
    if found is None:
        raise Rejected(decide.NO_SUCH_FACTOR)
    return found


def _headers(written: Written | None) -> dict[str, str]:
    return {} if written is None else {responses.POSITION: str(written.position)}


_METHODS: Final = "/api/v2/users/{id}/authentication-methods"
_UPDATE: Final = ("update:users",)
_LATE: Final = "Accepted; the view does not show it yet."
_GONE: Final[Mapping[int, Any]] = {202: _LATE, 204: "Deleted.", 404: NO_SUCH_USER, 409: USER_BUSY}
_NO_FACTOR: Final = decide.NO_SUCH_FACTOR
OPERATIONS: Final = (
    Operation(
        method="GET",
        path=_METHODS,
        handler=list_factors,
        scopes=("read:authentication_methods",),
        group="user_authentication_methods",
        summary="Get a list of authentication methods",
        description=(
            "Returns the authentication methods of a user. Phone numbers and email addresses are masked."
        ),
        query=models.FactorPage,
        result=list[models.FactorResult] | models.FactorList,
        responses={200: "Found.", 404: NO_SUCH_USER},
    ),
    Operation(
        method="POST",
        path=_METHODS,
        handler=create_factor,
        scopes=("create:authentication_methods",),
        summary="Creates an authentication method for a given user",
        description="Adds a confirmed authentication method to a user.",
        body=models.CreateFactor,
        result=models.FactorResult,
        responses={201: "Created.", 202: _LATE, 404: NO_SUCH_USER, 409: decide.EXISTS},
    ),
    Operation(
        method="PUT",
        path=_METHODS,
        handler=set_factors,
        scopes=("update:authentication_methods",),
        summary="Update all authentication methods by replacing them with the given ones",
        description="Replaces all authentication methods of a user with those in the body.",
        body=models.SetFactors,
        result=list[models.FactorResult],
        responses={200: "Replaced.", 202: _LATE, 400: UNKNOWN_USER, 409: decide.EXISTS},
    ),
    Operation(
        method="DELETE",
        path=_METHODS,
        handler=delete_factors,
        scopes=("delete:authentication_methods",),
        summary="Delete all authentication methods for the given user",
        description=(
            "Deletes all authentication methods of a user. Returns 204 also if the user does not exist."
        ),
        responses={202: _LATE, 204: "Deleted.", 409: USER_BUSY},
    ),
    Operation(
        method="GET",
        path=f"{_METHODS}/{{method_id}}",
        handler=get_factor,
        scopes=("read:authentication_methods",),
        summary="Get an authentication method by ID",
        description=(
            "Returns one authentication method of a user. Phone numbers and email addresses are masked."
        ),
        result=models.FactorResult,
        responses={200: "Found.", 404: _NO_FACTOR},
    ),
    Operation(
        method="PATCH",
        path=f"{_METHODS}/{{method_id}}",
        handler=update_factor,
        scopes=("update:authentication_methods",),
        summary="Update an authentication method",
        description="Changes the name or the preferred delivery of an authentication method.",
        body=models.UpdateFactor,
        result=models.FactorResult,
        responses={200: "Changed.", 202: _LATE, 404: _NO_FACTOR, 409: USER_BUSY},
    ),
    Operation(
        method="DELETE",
        path=f"{_METHODS}/{{method_id}}",
        handler=delete_factor,
        scopes=("delete:authentication_methods",),
        summary="Delete an authentication method by ID",
        description="Deletes one authentication method of a user.",
        responses={202: _LATE, 204: "Deleted.", 404: _NO_FACTOR, 409: USER_BUSY},
    ),
    Operation(
        method="DELETE",
        path="/api/v2/users/{id}/authenticators",
        handler=delete_authenticators,
        scopes=("delete:guardian_enrollments",),
        summary="Delete All Authenticators",
        description="Deletes all second factors and the recovery code of a user, who has to enrol again.",
        responses=_GONE,
    ),
    Operation(
        method="GET",
        path="/api/v2/users/{id}/enrollments",
        handler=list_enrollments,
        scopes=("read:users", "read:current_user"),
        group="read_users",
        summary="Get the First Confirmed Multi-factor Authentication Enrollment",
        description="Returns the first confirmed enrolment of a user in multi-factor authentication.",
        result=list[models.Enrollment],
        responses={200: "Found.", 404: NO_SUCH_USER},
    ),
    Operation(
        method="DELETE",
        path="/api/v2/users/{id}/multifactor/{provider}",
        handler=delete_provider,
        scopes=_UPDATE,
        summary="Delete a User's Multi-factor Provider",
        description="Deletes the second factors that a user has with one provider.",
        responses=_GONE,
    ),
    Operation(
        method="POST",
        path="/api/v2/users/{id}/multifactor/actions/invalidate-remember-browser",
        handler=invalidate_remembered_browsers,
        scopes=_UPDATE,
        summary="Invalidate All Remembered Browsers for Multi-factor Authentication",
        description=(
            "Requests that gateways ask for a second factor again in all browsers that a user chose to be"
            " remembered in."
        ),
        responses=_GONE,
    ),
    Operation(
        method="POST",
        path="/api/v2/users/{id}/recovery-code-regeneration",
        handler=regenerate_recovery_code,
        scopes=_UPDATE,
        summary="Generate New Multi-factor Authentication Recovery Code",
        description=(
            "Creates a new recovery code for a user. The response is the only one that contains it; only"
            " its hash is stored."
        ),
        result=models.RecoveryCode,
        responses={200: "Made.", 404: NO_SUCH_USER},
    ),
    Operation(
        method="POST",
        path="/api/v2/users/{id}/risk-assessments/clear",
        handler=clear_risk_assessments,
        scopes=_UPDATE,
        summary="Clear risk assessment assessors for a specific user",
        description="Requests that gateways discard their knowledge of the devices of a user.",
        body=ClearRiskAssessments,
        responses=_GONE,
    ),
)
