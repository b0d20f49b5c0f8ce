"""The details of entries: the request of a command, and the content of an edit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from projections.applied import Applied
from projections.log_entry.people import document_of, user_name
from schemas.events import (
    AttributesChanged,
    ClientThrottled,
    CommandData,
    EmailChanged,
    Event,
    LoginBlockReleased,
    MfaEnrolled,
    MfaRemoved,
    OrganizationJoined,
    PasswordChanged,
    PhoneChanged,
    RefreshTokenRevoked,
    UserCreated,
    UserDeleted,
)
from schemas.formats.exact_json import same

MASK: Final = "*****"
_EMPTY: Final[Mapping[str, Any]] = {}


def wanted(event: Event) -> str | None:
    """Return the description of the entry for an operation: the operation in the first event of a command, or
    the event type in words if no operation caused the event. None for later events of a command."""
    data = event.data
    if isinstance(data, CommandData) and data.operation is not None:
        return data.operation
    return None if event.causationid is not None else _in_words(event.type)


def _in_words(event_type: str) -> str:
    """`profile.client.configured` -> `Client configured`."""
    return event_type.removeprefix("profile.").replace(".", " ").replace("_", " ").capitalize()


def request_of(event: Event) -> Mapping[str, Any]:
    """Return the API request that caused the event; empty if there was none or its keys were destroyed."""
    data = event.data
    return (data.request or _EMPTY) if isinstance(data, CommandData) else _EMPTY


def detail(event: Event, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `request` and `response` of an operation, or the actor of an event that no request caused."""
    if not request:
        return {"actor": event.actor}
    return {
        "request": {
            "auth": {"credentials": {"scopes": request.get("scopes", [])}, "strategy": "jwt", "user": {}},
            "body": request.get("body") or {},
            "channel": "api",
            "ip": request.get("ip"),
            "method": request.get("method"),
            "path": request.get("path"),
            "query": request.get("query") or {},
            "userAgent": request.get("user_agent"),
        },
        "response": {"statusCode": request.get("status"), "body": {}},
    }


@dataclass(frozen=True, slots=True)
class Note:
    """How to make an entry for an event: its code, None if the event gets no entry, and its details."""

    code: Callable[[Applied], str | None]
    details: Callable[[Applied], Mapping[str, Any]]


def _always(code: str) -> Callable[[Applied], str | None]:
    return lambda applied: code


def _if_another(code: str, attribute: str) -> Callable[[Applied], str | None]:
    """Return a function that gives the code if the event changed this attribute of the user, otherwise
    None."""

    def decide(applied: Applied) -> str | None:
        before = {} if applied.before is None else applied.before.document or {}
        after = {} if applied.after is None else applied.after.document or {}
        return None if same(before.get(attribute), after.get(attribute)) else code

    return decide


def _body(applied: Applied) -> Mapping[str, Any]:
    document = document_of(applied) or {}
    named = ("email", "username", "phone_number", "user_id")
    return {"body": {name: document[name] for name in named if name in document}}


def _signed_up(applied: Applied) -> Mapping[str, Any]:
    body = request_of(applied.event).get("body")
    password = {"password": MASK} if isinstance(body, dict) and "password" in body else {}
    return {"body": {**_body(applied)["body"], **password}}


def _titled(title: str) -> Callable[[Applied], Mapping[str, Any]]:
    def details(applied: Applied) -> Mapping[str, Any]:
        name = user_name(document_of(applied) or {})
        return {"title": title, **({} if name is None else {"email": name})}

    return details


def _throttled(applied: Applied) -> Mapping[str, Any]:
    event = applied.event
    assert isinstance(event, ClientThrottled)
    error = {"message": "Global limit has been reached"}
    return {"error": error, "group": event.data.group, "limit": event.data.limit}


def _nothing(_applied: Applied) -> Mapping[str, Any]:
    return _EMPTY


def _type(model: type[Any]) -> str:
    name: str = model.model_fields["type"].default
    return name


NOTED: Final[Mapping[str, Note]] = {
    _type(UserCreated): Note(_always("ss"), _signed_up),
    _type(EmailChanged): Note(_if_another("sce", "email"), _body),
    _type(PhoneChanged): Note(_if_another("scpn", "phone_number"), _body),
    _type(AttributesChanged): Note(_if_another("scu", "username"), _body),
    _type(PasswordChanged): Note(_always("scp"), _titled("Change Password")),
    _type(UserDeleted): Note(_always("sdu"), _body),
    _type(LoginBlockReleased): Note(_always("ublkdu"), _titled("User login block released")),
    _type(MfaEnrolled): Note(_always("gd_enrollment_complete"), _nothing),
    _type(MfaRemoved): Note(_always("gd_unenroll"), _nothing),
    _type(RefreshTokenRevoked): Note(_always("srrt"), _nothing),
    _type(ClientThrottled): Note(_always("api_limit"), _throttled),
    _type(OrganizationJoined): Note(_always("organization_member_added"), _nothing),
}
"""Events that have an entry with their own code, besides that of the operation."""
