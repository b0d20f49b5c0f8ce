"""The command that restores a deleted user, with everything the deletion set aside (design D11)."""

from collections.abc import Mapping

from projections.connection.fold import ConnectionState
from projections.profile.changes.links import links_of, merged_into
from projections.profile.state import Profile
from projections.setting.fold import RESTORE_DAYS
from schemas.formats.positions import Position
from schemas.sealing.keys import Keyring
from services.commands.context import CommandContext
from services.commands.links.decide import IDENTITIES_BUSY, Participant, Steps, unlink
from services.commands.links.saga import Participants, SagaPlan, Sagas
from services.commands.reconciler import Reconciler
from services.commands.undo.decide_restore import (
    RESTORE_BUSY,
    TAKEN_MEANWHILE,
    GracePeriod,
    connections_of,
    decide_restore,
    linked_when_deleted,
    restore_rejection,
)
from services.commands.user_rejections import NO_SUCH_USER
from services.commands.users.store import UserStore
from services.ledger import directory
from services.ledger.reservations import Taken
from services.queries.settings import TENANT_SETTINGS, find_setting
from services.runtime.postgres.tenant_pool import TenantPool
from services.runtime.rejection import Rejected, Rejection


class RestoreCommands:
    """Undoes deletions within the tenant's grace period."""

    def __init__(
        self,
        database: TenantPool,
        keyring: Keyring,
        store: UserStore,
        sagas: Sagas,
        reconciler: Reconciler,
    ) -> None:
        self._database, self._keyring, self._store = database, keyring, store
        self._sagas, self._reconciler = sagas, reconciler

    async def restore(self, context: CommandContext, user_id: str) -> tuple[Position, Profile | None]:
        """Restore a deleted user, with all linked identities. Return the position, and the user as restored;
        None while the view does not show it.

        A value that another user has is tried once more if the reservation in its way could be released.
        Raises Rejected: not_found for a user who never existed, gone after the grace period or after
        erasure, conflict if the user lives or if a value was taken meanwhile. Raises Transient.
        """
        primary = await self._deleted(context, user_id)
        linked = linked_when_deleted(primary.profile)
        connections = await self._connections(context.tenant, primary.profile)
        steps: list[Steps] = []

        def decide(participants: Participants) -> Steps:
            person = participants.get(primary.subject)
            others = [participants[subject] for subject in linked if subject in participants]
            decision = RESTORE_BUSY if person is None else decide_restore(person, others, connections)
            if isinstance(decision, Rejection):
                raise Rejected(decision)
            steps[:] = [decision]
            return decision

        plan = SagaPlan("restore", [primary.subject, *linked], primary.subject, decide, IDENTITIES_BUSY)
        try:
            result = await self._sagas.execute(context, plan)
        except Taken as taken:
            wanted = steps[0].reservations
            if not await self._reconciler.settle(context.tenant, wanted):
                raise Rejected(TAKEN_MEANWHILE[taken.kind]) from None
            try:
                result = await self._sagas.execute(context, plan)
            except Taken as again:
                raise Rejected(TAKEN_MEANWHILE[again.kind]) from None
        if result.took_effect is None:
            return result.position, None
        return result.position, await self._restored(context, primary.subject, linked)

    async def _deleted(self, context: CommandContext, user_id: str) -> Participant:
        """The deleted user with this id. Raises Rejected if it cannot be restored."""
        tenant, (provider, _, idp_id) = context.tenant, user_id.partition("|")
        async with self._database.connection(tenant) as connection:
            known = await directory.find_registered(connection, tenant, provider, idp_id)
            setting = await find_setting(connection, self._keyring, tenant, "tenant", TENANT_SETTINGS)
        if known is None:
            raise Rejected(NO_SUCH_USER)
        found = (await self._sagas.read(tenant, [known.subject])).get(known.subject)
        days = RESTORE_DAYS if setting is None else setting.user_restore_days
        grace = GracePeriod(days, context.clock())
        rejection = restore_rejection(None if found is None else found.profile, known.subject, grace)
        if rejection is not None or found is None:
            raise Rejected(rejection or NO_SUCH_USER)
        return found

    async def _connections(self, tenant: str, profile: Profile) -> Mapping[str, ConnectionState]:
        names = sorted(connections_of(profile))
        found = {name: await self._store.connection(tenant, name) for name in names}
        return {name: one for name, one in found.items() if one is not None}

    async def _restored(self, context: CommandContext, subject: str, linked: list[str]) -> Profile:
        """The user as the view shows it. An identity that signed in again while the command was carried out
        is a user of its own: it is unlinked."""
        people = await self._sagas.read(context.tenant, [subject, *linked])
        primary = people[subject]
        if primary.profile.document is None:
            raise Rejected(RESTORE_BUSY)
        strays = [
            (identity, link["subject"])
            for identity, link in links_of(primary.profile).items()
            if link["subject"] in people and merged_into(people[link["subject"]].profile) != subject
        ]
        for identity, other in strays:
            await self._part(context, subject, other, identity)
        return (
            (await self._sagas.read(context.tenant, [subject]))[subject].profile
            if strays
            else primary.profile
        )

    async def _part(self, context: CommandContext, subject: str, other: str, identity: str) -> None:
        provider, _, idp_id = identity.partition("|")

        def decide(participants: Participants) -> Steps:
            if identity not in links_of(participants[subject].profile):
                raise Rejected(RESTORE_BUSY)
            return unlink(participants[subject], participants[other], provider, idp_id)

        plan = SagaPlan("unlink", [subject, other], subject, decide, IDENTITIES_BUSY)
        await self._sagas.execute(context, plan)
