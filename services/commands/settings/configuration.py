"""Settings made, changed and removed: decided on one revision, written as an event that counts only for
that one."""

import secrets
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from projections.setting.fold import Kind, Setting
from schemas.events import (
    AttackProtectionConfigured,
    ClientGrantConfigured,
    Event,
    OrganizationConfigured,
    ResourceServerConfigured,
    RoleDefined,
    RoleRemoved,
    SettingData,
    TenantConfigured,
    UserAttributeProfileConfigured,
)
from schemas.formats.exact_json import same
from schemas.formats.identifiers import tenant_subject
from services.commands.conflict_retry import Conflict, retry_on_conflict
from services.commands.context import to_events
from services.commands.outcome import Draft
from services.commands.reserve import Room, claim
from services.commands.users import people
from services.commands.writer import Written
from services.ledger import reservations
from services.ledger.keys.subject_keys import ensure_keys
from services.ledger.reservations import Reservation
from services.management.http import responses
from services.management.http.command_context import (
    command_of,
    expected_revision,
    has_revision,
    names_revision,
)
from services.management.http.requests import Call
from services.queries.settings import find_setting, find_setting_event
from services.runtime.rejection import NOT_FOUND, Rejected, Rejection

_LETTERS: Final = string.ascii_letters + string.digits
_DEFINED: Final[Mapping[Kind, type[Any]]] = {
    "role": RoleDefined,
    "resource_server": ResourceServerConfigured,
    "organization": OrganizationConfigured,
    "user_attribute_profile": UserAttributeProfileConfigured,
    "client_grant": ClientGrantConfigured,
    "attack_protection": AttackProtectionConfigured,
    "tenant": TenantConfigured,
}
_NAMED_BY: Final[Mapping[Kind, str]] = {
    "role": "name",
    "resource_server": "identifier",
    "organization": "name",
    "user_attribute_profile": "name",
}
BUSY: Final = Rejection("conflict", "It is being changed by others. Please try again.")
Change = Callable[[Setting], Mapping[str, Any] | Rejection]
"""The settings after a change, decided on the present ones; the same ones when nothing changes."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A setting as the view shows it; `written` is None when nothing had to be written."""

    setting: Setting
    written: Written | None


def new_id(prefix: str, letters: int = 16) -> str:
    """`rol_` and so many letters and digits."""
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(letters))


async def create(
    call: Call,
    kind: Kind,
    identity: str,
    name: str,
    settings: Mapping[str, Any],
    exists: Rejection,
    room: Room | None = None,
) -> Changed:
    """A new setting under a name of its own. Raises Rejected: `exists` when the name is taken, what `room`
    refuses."""
    data = SettingData(setting_id=identity, name=name, settings=dict(settings), expected_revision=0)
    events = _events(call, _DEFINED[kind], data)
    await _claim(call, kind, identity, name, events, exists, room)
    written = await write(call, events)
    return Changed(await _now(call, kind, identity, settings, written, exists), written)


async def change(
    call: Call, kind: Kind, identity: str, decide: Change, absent: Rejection, exists: Rejection = BUSY
) -> Changed:
    """The setting with what `decide` makes of it; decided anew when another change came first, but for a
    caller who named a revision (If-Match).

    A new `name` among the settings of a kind found by name is claimed first. Raises Rejected: `absent`, what
    `decide` refuses, `exists` for a name that is taken, 412 for a passed revision, 409 when others keep
    coming first.
    """
    headers = call.request.headers

    async def attempt() -> Changed:
        current = await find(call, kind, identity, absent)
        expected_revision(headers, current.revision)
        decided = decide(current)
        if isinstance(decided, Rejection):
            raise Rejected(decided)
        before = {name: value for name, value in current.document.items() if name != "id"}
        if same(dict(decided), before):
            return Changed(current, None)
        name = name_of(kind, decided, current.name)
        data = SettingData(
            setting_id=identity, name=name, settings=dict(decided), expected_revision=current.revision
        )
        events = _events(call, _DEFINED[kind], data)
        if name is not None and name != current.name:
            await _claim(call, kind, identity, name, events, exists)
        written = await _take_effect(call, kind, identity, events)
        return Changed(await _now(call, kind, identity, decided, written, absent), written)

    return await retry_on_conflict(attempt, BUSY, names_revision(headers))


async def set_only(
    call: Call,
    kind: Kind,
    identity: str,
    unset: Mapping[str, Any],
    decide: Callable[[Setting | None], Mapping[str, Any]],
) -> tuple[Setting | None, Written | None]:
    """A setting there is one of, made by its first change: decided on None then. Nothing is written where the
    settings stay as they are, or as they are `unset`."""
    if await _current(call, kind, identity) is None:
        first = decide(None)
        if same(dict(first), dict(unset)):
            return None, None
        try:
            made = await create(call, kind, identity, identity, first, BUSY)
            return made.setting, made.written
        except Rejected as rejected:
            if rejected.rejection is not BUSY:
                raise
    changed = await change(call, kind, identity, decide, BUSY)
    return changed.setting, changed.written


async def remove(call: Call, kind: Kind, identity: str, absent: Rejection | None = None) -> Written | None:
    """The setting gone. One that is not there: None, or Rejected with `absent` where it is given; 412 for a
    revision that has passed."""
    headers = call.request.headers
    event = RoleRemoved if kind == "role" else _DEFINED[kind]

    async def attempt() -> Written | None:
        current = await _current(call, kind, identity)
        if current is None:
            if absent is not None:
                raise Rejected(absent)
            return None
        expected_revision(headers, current.revision)
        data = SettingData(
            setting_id=identity, name=current.name, deleted=True, expected_revision=current.revision
        )
        written = await _take_effect(call, kind, identity, _events(call, event, data))
        if current.name is not None:
            await _release(call, kind, current.name)
        return written

    return await retry_on_conflict(attempt, BUSY, names_revision(headers))


def answer(changed: Changed, shown: object, status: int = 200) -> Response:
    """A setting after a change as it is shown; 202 while the view is late."""
    setting, written = changed.setting, changed.written
    if written is not None and not written.visible:
        return people.accepted(written, {"id": setting.id})
    position = None if written is None else written.position
    return responses.value(shown, status, responses.revision_headers(setting.revision, position))


def removed(written: Written | None, gone: Response) -> Response:
    """What a removal answers: `gone` with where it stands on the log, 202 while the view is late."""
    if written is None:
        return gone
    if not written.visible:
        return people.accepted(written)
    gone.headers[responses.POSITION] = str(written.position)
    return gone


def show(call: Call, setting: Setting, shown: object) -> Response:
    """A setting as it is shown; 304 for a caller who has this revision."""
    headers = responses.revision_headers(setting.revision)
    if has_revision(call.request.headers, setting.revision):
        return responses.nothing(304, headers)
    return responses.value(shown, headers=headers)


async def find(call: Call, kind: Kind, identity: str, absent: Rejection) -> Setting:
    """The living setting. Raises Rejected with `absent`."""
    found = await _current(call, kind, identity)
    if found is None:
        raise Rejected(absent)
    return found


def name_of(kind: Kind, settings: Mapping[str, Any], unchanged: str | None) -> str | None:
    """What a setting is found by: `identifier` of an API, `name` where a kind has names."""
    found = settings.get("identifier" if kind == "resource_server" else "name", unchanged)
    return (
        found if isinstance(found, str) and kind not in ("client_grant", "attack_protection") else unchanged
    )


async def _current(call: Call, kind: Kind, identity: str) -> Setting | None:
    async with call.service.database.connection(call.tenant) as connection:
        return await find_setting(connection, call.service.keyring, call.tenant, kind, identity)


async def _now(
    call: Call, kind: Kind, identity: str, settings: Mapping[str, Any], written: Written, lost: Rejection
) -> Setting:
    """What the view shows; what was written where the view is late."""
    if not written.visible:
        document = {"id": identity, **settings}
        return Setting(kind, identity, name_of(kind, settings, None), 0, document, "", "", "")
    return await find(call, kind, identity, lost)


async def write(call: Call, events: Sequence[Event]) -> Written:
    """Appends events of the tenant itself and waits for the view. Raises Rejected; then claims are given
    back."""
    service, tenant = call.service, call.tenant
    async with service.database.connection(tenant) as connection:
        keys = await ensure_keys(connection, service.keyring, tenant, tenant_subject(tenant))
    return await people.write(call, events, keys, NOT_FOUND)


def _events(call: Call, event: type[Any], data: SettingData) -> tuple[Event, ...]:
    return to_events(command_of(call), tenant_subject(call.tenant), (Draft(event, data),))


async def _take_effect(call: Call, kind: Kind, identity: str, events: Sequence[Event]) -> Written:
    """Writes a change of one revision. Raises Conflict when the view shows that another came first."""
    written = await write(call, events)
    if not written.visible:
        return written
    async with call.service.database.connection(call.tenant) as connection:
        shown = await find_setting_event(connection, call.tenant, kind, identity)
    if shown != events[0].id:
        raise Conflict
    return written


async def _claim(
    call: Call,
    kind: Kind,
    identity: str,
    name: str,
    events: Sequence[Event],
    exists: Rejection,
    room: Room | None = None,
) -> None:
    try:
        wanted = (Reservation(kind, "name", name),)
        await claim(call, identity, wanted, events, lambda: _release(call, kind, name), room)
    except reservations.Taken:
        raise Rejected(exists) from None


async def _release(call: Call, kind: Kind, name: str) -> bool:
    """Frees a name that nobody bears any more; whether there was anything to free."""
    async with call.service.database.connection(call.tenant) as connection:
        return await reservations.release_setting_name(connection, call.tenant, kind, name)
