"""`entries(applied)`: the log entries of an event, which do not depend on the split into batches."""

from collections.abc import Mapping
from typing import Any, Final

from projections.applied import Applied
from projections.log_entry.details import NOTED, detail, request_of, wanted
from projections.log_entry.entry import Entry, log_id
from projections.log_entry.people import document_of, strategy_type, user_name, who
from schemas.dead_letter_reasons import SENTENCES
from schemas.events import CommandData, Event, LoginFailed, LoginQuarantined, LoginSucceeded
from schemas.formats import exact_json
from schemas.formats.identifiers import PERSON
from schemas.logins.reasons import code_of

ADMINISTRATION: Final = "sapi"
OVERSIZE: Final = "wum"
LOGIN_WARNING: Final = "w"
_OVERSIZE_DESCRIPTION: Final = "The profile is larger than advised."


def entries(applied: Applied) -> tuple[Entry, ...]:
    """Return the entries of an event, in order; none for a command without an effect."""
    if applied.refused:
        return ()
    event = applied.event
    if isinstance(event, LoginSucceeded):
        return (_success(applied, event),)
    if isinstance(event, LoginFailed):
        return (_failure(applied, event),)
    if isinstance(event, LoginQuarantined):
        return (_quarantined(applied, event),)
    return _command(applied, event)


def _success(applied: Applied, event: LoginSucceeded) -> Entry:
    data, document = event.data, document_of(applied) or {}
    session = data.session_id
    return Entry(
        tenant=event.tenant,
        log_id=log_id(applied.logged, 0),
        date=event.time,
        type="s",
        connection=data.connection,
        client_id=data.client_id,
        ip=data.ip,
        user_agent=data.user_agent,
        user_id=document.get("user_id"),
        user_name=user_name(document),
        strategy=data.strategy,
        strategy_type=strategy_type(data.strategy, data.is_social),
        subject=event.subject,
        details=None if session is None else exact_json.dumps({"session_id": session}).decode(),
        more=_more(event),
    )


def _failure(applied: Applied, event: LoginFailed) -> Entry:
    data, document = event.data, document_of(applied) or {}
    code = code_of(data.reason)
    message = data.detail or data.reason
    return Entry(
        tenant=event.tenant,
        log_id=log_id(applied.logged, 0),
        date=event.time,
        type=code,
        description=message,
        connection=data.connection,
        client_id=data.client_id,
        ip=data.ip,
        user_agent=data.user_agent,
        user_id=document.get("user_id"),
        user_name=data.identifier or user_name(document),
        strategy=data.strategy,
        strategy_type=strategy_type(data.strategy, data.is_social),
        subject=event.subject,
        details=_json(error={"message": message}, session_id=data.session_id),
        more=_more(event),
    )


def _quarantined(applied: Applied, event: LoginQuarantined) -> Entry:
    data = event.data
    description = f"A login was refused: {SENTENCES[data.reason]}"
    if data.earlier:
        description += f" Others since the last entry for this reason: {data.earlier}."
    return Entry(
        tenant=event.tenant,
        log_id=log_id(applied.logged, 0),
        date=event.time,
        type=LOGIN_WARNING,
        description=description,
        connection=data.connection,
        details=_json(
            error={"message": data.detail or SENTENCES[data.reason]},
            reason=data.reason,
            record=data.record,
            earlier=data.earlier,
            gateway=data.gateway,
            login_source=data.login_source,
            login_id=data.login_id,
        ),
    )


def _command(applied: Applied, event: Event) -> tuple[Entry, ...]:
    """Return an entry for the operation, if this is the first event of its command, and one for the event if
    `NOTED` has a code for it."""
    person, request = who(applied), request_of(event)
    common: dict[str, Any] = {
        "tenant": event.tenant,
        "date": event.time,
        "client_id": event.actor.removeprefix("client:") if event.actor.startswith("client:") else None,
        "ip": request.get("ip"),
        "user_agent": request.get("user_agent"),
        "user_id": person.user_id,
        "user_name": person.user_name,
        "subject": event.subject if event.subject.startswith(PERSON) else None,
        "more": _more(event),
    }
    found: list[Mapping[str, Any]] = []
    operation = wanted(event)
    if operation is not None:
        found.append({"type": ADMINISTRATION, "description": operation, "details": detail(event, request)})
    noted = NOTED.get(event.type)
    code = None if noted is None else noted.code(applied)
    if noted is not None and code is not None:
        found.append(
            {
                "type": code,
                "connection": person.connection,
                "strategy": person.strategy,
                "strategy_type": person.strategy_type,
                "details": noted.details(applied),
            }
        )
    size = getattr(event.data, "profile_bytes", None)
    if size is not None:
        details = {"tenant": event.tenant, "user_id": person.user_id, "profile_bytes": size}
        found.append({"type": OVERSIZE, "description": _OVERSIZE_DESCRIPTION, "details": details})
    return tuple(
        Entry(log_id=log_id(applied.logged, index), **common, **_written(one))
        for index, one in enumerate(found)
    )


def _written(entry: Mapping[str, Any]) -> dict[str, Any]:
    details = entry.get("details")
    return {**entry, "details": exact_json.dumps(details).decode() if details else None}


def _json(**members: Any) -> str:
    return exact_json.dumps({name: value for name, value in members.items() if value is not None}).decode()


def _more(event: Event) -> str | None:
    given = event.data.correlation_id if isinstance(event.data, CommandData) else None
    return None if given is None else _json(references={"correlation_id": given})
