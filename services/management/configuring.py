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
from schemas.identifiers import tenant_subject
from services.management import answers, claims, people, reading
from services.management.commanding import command_of, expected_revision, has_revision
from services.management.decisions.outcome import Claim, Draft, dress
from services.management.endpoint import Call
from services.management.refusals import NOT_FOUND, REVISION_PASSED, Refusal, Refused
from services.management.writing import Written
from services.runtime.key_store import ensure_keys
from services.runtime.sql import load

ATTEMPTS: Final = 5
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
BUSY: Final = Refusal(409, "It is being changed by others. Please try again.")
Change = Callable[[Setting], Mapping[str, Any] | Refusal]
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
    call: Call, kind: Kind, identity: str, name: str, settings: Mapping[str, Any], exists: Refusal
) -> Changed:
    """A new setting under a name of its own. Raises Refused: `exists` when the name is taken."""
    data = SettingData(setting_id=identity, name=name, settings=dict(settings), expected_revision=0)
    events = dress(command_of(call), tenant_subject(call.tenant), (Draft(_DEFINED[kind], data),))
    await _claim(call, kind, identity, name, events[0].id, exists)
    written = await write(call, events)
    return Changed(await _now(call, kind, identity, settings, written, exists), written)


async def change(
    call: Call, kind: Kind, identity: str, decide: Change, absent: Refusal, exists: Refusal = BUSY
) -> Changed:
    """The setting with what `decide` makes of it; decided anew when another change came first, but for a
    caller who named a revision (If-Match).

    A new `name` among the settings of a kind found by name is claimed first. Raises Refused: `absent`, what
    `decide` refuses, `exists` for a name that is taken, 412 for a passed revision, 409 when others keep
    coming first.
    """
    for _ in range(ATTEMPTS):
        current = await find(call, kind, identity, absent)
        guarded = expected_revision(call.request.headers, current.revision) is not None
        decided = decide(current)
        if isinstance(decided, Refusal):
            raise Refused(decided)
        before = {name: value for name, value in current.document.items() if name != "id"}
        if decided == before:
            return Changed(current, None)
        name = name_of(kind, decided, current.name)
        data = SettingData(
            setting_id=identity, name=name, settings=dict(decided), expected_revision=current.revision
        )
        events = dress(command_of(call), tenant_subject(call.tenant), (Draft(_DEFINED[kind], data),))
        if name is not None and name != current.name:
            await _claim(call, kind, identity, name, events[0].id, exists)
        written = await write(call, events)
        if await took_effect(call, kind, identity, written, events[0].id):
            return Changed(await _now(call, kind, identity, decided, written, absent), written)
        if guarded:
            raise Refused(REVISION_PASSED)
    raise Refused(BUSY)


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
        if first == unset:
            return None, None
        try:
            made = await create(call, kind, identity, identity, first, BUSY)
            return made.setting, made.written
        except Refused as refused:
            if refused.refusal is not BUSY:
                raise
    changed = await change(call, kind, identity, decide, BUSY)
    return changed.setting, changed.written


async def remove(call: Call, kind: Kind, identity: str, absent: Refusal | None = None) -> Written | None:
    """The setting gone. One that is not there: None, or Refused with `absent` where it is given; 412 for a
    revision that has passed."""
    for _ in range(ATTEMPTS):
        current = await _current(call, kind, identity)
        if current is None:
            if absent is not None:
                raise Refused(absent)
            return None
        guarded = expected_revision(call.request.headers, current.revision) is not None
        data = SettingData(
            setting_id=identity, name=current.name, deleted=True, expected_revision=current.revision
        )
        event = RoleRemoved if kind == "role" else _DEFINED[kind]
        events = dress(command_of(call), tenant_subject(call.tenant), (Draft(event, data),))
        written = await write(call, events)
        if await took_effect(call, kind, identity, written, events[0].id):
            if current.name is not None:
                await _release(call, kind, current.name)
            return written
        if guarded:
            raise Refused(REVISION_PASSED)
    raise Refused(BUSY)


def answer(changed: Changed, shown: object, status: int = 200) -> Response:
    """A setting after a change as it is shown; 202 while the view is late."""
    setting, written = changed.setting, changed.written
    if written is not None and not written.visible:
        return people.accepted(written, {"id": setting.id})
    position = None if written is None else written.position
    return answers.value(shown, status, answers.revision_headers(setting.revision, position))


def removed(written: Written | None, gone: Response) -> Response:
    """What a removal answers: `gone` with where it stands on the log, 202 while the view is late."""
    if written is None:
        return gone
    if not written.visible:
        return people.accepted(written)
    gone.headers[answers.POSITION] = str(written.position)
    return gone


def show(call: Call, setting: Setting, shown: object) -> Response:
    """A setting as it is shown; 304 for a caller who has this revision."""
    headers = answers.revision_headers(setting.revision)
    if has_revision(call.request.headers, setting.revision):
        return answers.nothing(304, headers)
    return answers.value(shown, headers=headers)


async def find(call: Call, kind: Kind, identity: str, absent: Refusal) -> Setting:
    """The living setting. Raises Refused with `absent`."""
    found = await _current(call, kind, identity)
    if found is None:
        raise Refused(absent)
    return found


async def took_effect(call: Call, kind: Kind, identity: str, written: Written, event_id: str) -> bool:
    """Whether the setting is as this event left it, as far as the view shows; else another change came
    first."""
    if not written.visible:
        return True
    async with call.service.database.connection(call.tenant) as connection:
        query = load("services.management")["setting_event"]
        return str(await connection.fetchval(query, call.tenant, kind, identity)) == event_id


def name_of(kind: Kind, settings: Mapping[str, Any], unchanged: str | None) -> str | None:
    """What a setting is found by: `identifier` of an API, `name` where a kind has names."""
    found = settings.get("identifier" if kind == "resource_server" else "name", unchanged)
    return (
        found if isinstance(found, str) and kind not in ("client_grant", "attack_protection") else unchanged
    )


async def _current(call: Call, kind: Kind, identity: str) -> Setting | None:
    async with call.service.database.connection(call.tenant) as connection:
        return await reading.setting(connection, call.tenant, kind, identity)


async def _now(
    call: Call, kind: Kind, identity: str, settings: Mapping[str, Any], written: Written, lost: Refusal
) -> Setting:
    """What the view shows; what was written where the view is late."""
    if not written.visible:
        document = {"id": identity, **settings}
        return Setting(kind, identity, name_of(kind, settings, None), 0, document, "", "", "")
    return await find(call, kind, identity, lost)


async def write(call: Call, events: Sequence[Event]) -> Written:
    """Appends events of the tenant itself and waits for the view. Raises Refused; then claims are given
    back."""
    service, tenant = call.service, call.tenant
    async with service.database.connection(tenant) as connection:
        keys = await ensure_keys(connection, service.keyring, tenant, tenant_subject(tenant))
    return await people.write(call, events, keys, NOT_FOUND)


async def _claim(call: Call, kind: Kind, identity: str, name: str, event_id: str, exists: Refusal) -> None:
    claim = Claim(kind, "name", name)
    for last in (False, True):
        try:
            async with call.service.database.connection(call.tenant) as connection:
                async with connection.transaction():
                    await claims.make(connection, call.tenant, identity, (claim,), (event_id,))
                return
        except claims.Taken:
            freed = not last and (
                await _release(call, kind, name)
                or await call.service.reconciler.settle(call.tenant, (claim,))
            )
            if not freed:
                raise Refused(exists) from None


async def _release(call: Call, kind: Kind, name: str) -> bool:
    """Frees a name that nobody bears any more; whether there was anything to free."""
    async with call.service.database.connection(call.tenant) as connection:
        status = await connection.execute(
            load("services.management")["release_name"], call.tenant, kind, name
        )
    return bool(status != "DELETE 0")
