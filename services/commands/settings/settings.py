"""Commands that change the settings of a tenant: roles, APIs, organizations, client grants and other
documents."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

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
from schemas.sealing.keys import Keyring
from services.commands.context import CommandContext
from services.commands.decision import UNCHANGED, Acceptance, Decision, Draft
from services.commands.execute import Absent, Executed, Executor
from services.commands.reserve import Bearer, CheckCapacity
from services.commands.settings.aggregate import Configuration, Shown, State
from services.commands.writer import Written
from services.ledger import reservations
from services.ledger.reservations import Reservation
from services.queries.settings import find_setting, find_setting_event
from services.runtime.postgres.tenant_pool import TenantPool
from services.runtime.rejection import Rejected, Rejection

_DEFINED: Final[Mapping[Kind, type[Any]]] = {
    "role": RoleDefined,
    "resource_server": ResourceServerConfigured,
    "organization": OrganizationConfigured,
    "user_attribute_profile": UserAttributeProfileConfigured,
    "client_grant": ClientGrantConfigured,
    "attack_protection": AttackProtectionConfigured,
    "tenant": TenantConfigured,
}
BUSY: Final = Rejection("conflict", "It is being changed by others. Please try again.")
Decide = Callable[[Setting], Mapping[str, Any] | Rejection]
"""Decides the changed settings from the present ones; returns the present ones if nothing changes."""


@dataclass(frozen=True, slots=True)
class NewSetting:
    """A setting to create, with a name that is unique within its kind."""

    kind: Kind
    id: str
    name: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Changed:
    """A setting after a command. `setting` is None if the view does not show it yet, `written` if nothing was
    written."""

    id: str
    setting: Setting | None
    written: Written | None


class SettingStore:
    """Reads settings for commands, and releases their names."""

    def __init__(self, database: TenantPool, keyring: Keyring) -> None:
        self._database, self._keyring = database, keyring

    async def find(self, tenant: str, kind: Kind, identity: str) -> Setting | None:
        """Return the setting with this id, or None if it does not exist or was deleted. Raises Transient."""
        async with self._database.connection(tenant) as connection:
            return await find_setting(connection, self._keyring, tenant, kind, identity)

    async def get(self, tenant: str, kind: Kind, identity: str, absent: Rejection) -> Setting:
        """Return the setting with this id. Raises Rejected (`absent`), or Transient."""
        found = await self.find(tenant, kind, identity)
        if found is None:
            raise Rejected(absent)
        return found

    async def last_event(self, tenant: str, kind: Kind, identity: str) -> str | None:
        """Return the id of the event that last changed a setting, None if it never existed."""
        async with self._database.connection(tenant) as connection:
            return await find_setting_event(connection, tenant, kind, identity)

    async def release_name(self, tenant: str, kind: Kind, name: str) -> bool:
        """Release a name that no setting has any more; return whether there was a reservation."""
        async with self._database.connection(tenant) as connection:
            return await reservations.release_setting_name(connection, tenant, kind, name)


class SettingCommands:
    """Commands to one setting each."""

    def __init__(self, executor: Executor, store: SettingStore) -> None:
        self._executor, self.store = executor, store

    async def create(
        self,
        context: CommandContext,
        new: NewSetting,
        taken: Rejection,
        check_capacity: CheckCapacity | None = None,
    ) -> Changed:
        """Create a setting. Raises Rejected: `taken` if another one has the name, and the rejection of
        `check_capacity`. Raises Transient."""
        aggregate = _SettingToCreate(self._executor, self.store, context.tenant, new, taken, check_capacity)
        data = SettingData(setting_id=new.id, name=new.name, settings=dict(new.settings))
        draft = Draft(_DEFINED[new.kind], data)
        accepted = Acceptance((draft,), (Reservation(new.kind, "name", new.name),))
        executed = await self._executor.execute(context.unguarded(), aggregate, lambda _: accepted)
        return Changed(new.id, executed.shown, executed.written)

    async def change(
        self,
        context: CommandContext,
        kind: Kind,
        identity: str,
        decide: Decide,
        absent: Rejection,
        taken: Rejection = BUSY,
    ) -> Changed:
        """Change a setting. A new name of a kind that is found by name is reserved first.

        Raises Rejected: `absent`, what `decide` rejects, `taken` if another one has the name, stale_revision,
        and conflict if other writes keep coming first; raises Transient.
        """

        def decision(current: Setting) -> Decision:
            decided = decide(current)
            if isinstance(decided, Rejection):
                return decided
            if same(dict(decided), settings_of(current)):
                return UNCHANGED
            name = name_of(kind, decided, current.name)
            data = SettingData(setting_id=identity, name=name, settings=dict(decided))
            renamed = name is not None and name != current.name
            wanted = (Reservation(kind, "name", name),) if renamed and name is not None else ()
            return Acceptance((Draft(_DEFINED[kind], data),), wanted)

        aggregate = _ExistingSetting(self._executor, self.store, context.tenant, kind, identity)
        aggregate.absent, aggregate.name_taken = absent, taken
        executed = await self._executor.execute(context, aggregate, decision)
        return _changed(identity, executed)

    async def set_only(
        self,
        context: CommandContext,
        kind: Kind,
        identity: str,
        unset: Mapping[str, Any],
        decide: Callable[[Setting | None], Mapping[str, Any]],
    ) -> Changed:
        """Change a singleton setting, which its first change creates: `decide` then gets None.

        Nothing is written if the settings remain as they are, or equal `unset`. Raises Rejected, or
        Transient.
        """

        def decision(current: Setting | None) -> Decision:
            decided = decide(current)
            if same(dict(decided), dict(unset) if current is None else settings_of(current)):
                return UNCHANGED
            data = SettingData(
                setting_id=identity,
                name=identity if current is None else name_of(kind, decided, current.name),
                settings=dict(decided),
            )
            return Acceptance((Draft(_DEFINED[kind], data),))

        exists = await self.store.find(context.tenant, kind, identity) is not None
        aggregate = _OnlySetting(self._executor, self.store, context.tenant, kind, identity)
        executed = await self._executor.execute(
            context if exists else context.unguarded(), aggregate, decision
        )
        return _changed(identity, executed)

    async def remove(
        self, context: CommandContext, kind: Kind, identity: str, absent: Rejection | None = None
    ) -> Written | None:
        """Remove a setting and release its name. Return None if it does not exist.

        Raises Rejected: `absent`, if given, for a setting that does not exist, stale_revision, and conflict
        if other writes keep coming first. Raises Transient.
        """
        event = RoleRemoved if kind == "role" else _DEFINED[kind]

        def decision(current: Setting) -> Decision:
            data = SettingData(setting_id=identity, name=current.name, deleted=True)
            return Acceptance((Draft(event, data),))

        aggregate = _SettingToRemove(self._executor, self.store, context.tenant, kind, identity)
        executed = await self._executor.execute_if_present(context, aggregate, decision)
        if executed is None:
            if absent is not None:
                raise Rejected(absent)
            return None
        if executed.state.name is not None:
            await self.store.release_name(context.tenant, kind, executed.state.name)
        return executed.written


class _SettingToCreate(Configuration[None, Setting]):
    busy = BUSY

    def __init__(
        self,
        executor: Executor,
        store: SettingStore,
        tenant: str,
        new: NewSetting,
        taken: Rejection,
        check_capacity: CheckCapacity | None,
    ) -> None:
        super().__init__(executor, tenant)
        self._store, self._new, self._taken, self._check_capacity = store, new, taken, check_capacity

    async def read(self) -> None:
        return None

    def revision(self, _state: None) -> int:
        return 0

    async def outcome(self, _state: None, _events: Sequence[Event], _conditional: bool) -> Setting:
        return await self._store.get(self._tenant, self._new.kind, self._new.id, self._taken)

    def bearer(self, _state: None, _wanted: Sequence[Reservation]) -> Bearer:
        return _bearer(self._store, self._tenant, self._new, self._taken, self._check_capacity)


class _StoredSetting(Configuration[State, Shown]):
    busy = BUSY

    def __init__(
        self, executor: Executor, store: SettingStore, tenant: str, kind: Kind, identity: str
    ) -> None:
        super().__init__(executor, tenant)
        self._store, self._kind, self._id = store, kind, identity

    async def _find(self) -> Setting | None:
        return await self._store.find(self._tenant, self._kind, self._id)

    async def _check_effect(self, events: Sequence[Event]) -> None:
        self.check_effect(await self._store.last_event(self._tenant, self._kind, self._id), events)


class _ExistingSetting(_StoredSetting[Setting, Setting]):
    absent = BUSY
    name_taken = BUSY

    async def read(self) -> Setting:
        return await self._store.get(self._tenant, self._kind, self._id, self.absent)

    def revision(self, state: Setting) -> int:
        return state.revision

    async def outcome(self, _state: Setting, events: Sequence[Event], _conditional: bool) -> Setting:
        await self._check_effect(events)
        return await self.read()

    def bearer(self, _state: Setting, wanted: Sequence[Reservation]) -> Bearer:
        renamed = NewSetting(self._kind, self._id, wanted[0].value, {})
        return _bearer(self._store, self._tenant, renamed, self.name_taken)


class _OnlySetting(_StoredSetting[Setting | None, Setting | None]):
    """A setting that may not exist."""

    async def read(self) -> Setting | None:
        return await self._find()

    def revision(self, state: Setting | None) -> int:
        return 0 if state is None else state.revision

    async def outcome(
        self, _state: Setting | None, events: Sequence[Event], _conditional: bool
    ) -> Setting | None:
        await self._check_effect(events)
        return await self.read()


class _SettingToRemove(_StoredSetting[Setting, None]):
    async def read(self) -> Setting:
        found = await self._find()
        if found is None:
            raise Absent
        return found

    def revision(self, state: Setting) -> int:
        return state.revision

    async def outcome(self, _state: Setting, events: Sequence[Event], _conditional: bool) -> None:
        await self._check_effect(events)


def settings_of(setting: Setting) -> dict[str, Any]:
    """Return the settings in a document."""
    return {name: value for name, value in setting.document.items() if name != "id"}


def name_of(kind: Kind, settings: Mapping[str, Any], unchanged: str | None) -> str | None:
    """Return the name by which a setting is found: `identifier` of an API, `name` of other kinds with
    names."""
    found = settings.get("identifier" if kind == "resource_server" else "name", unchanged)
    named = isinstance(found, str) and kind not in ("client_grant", "attack_protection")
    return found if named else unchanged


def _bearer(
    store: SettingStore,
    tenant: str,
    named: NewSetting,
    taken: Rejection,
    check_capacity: CheckCapacity | None = None,
) -> Bearer:
    async def release() -> bool:
        return await store.release_name(tenant, named.kind, named.name)

    return Bearer(named.id, lambda _: taken, release, check_capacity)


def _changed(identity: str, executed: Executed[Any, Any]) -> Changed:
    """Return the result; if nothing was written, the setting is the unchanged one."""
    return Changed(identity, executed.shown if executed.written else executed.state, executed.written)
