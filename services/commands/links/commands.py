"""Commands that link accounts and unlink them, each on both sides or not at all (fact sheet §9)."""

from dataclasses import dataclass

from projections.profile.state import Profile
from schemas.events import LinkMeans
from schemas.formats.positions import Position
from services.commands.context import CommandContext
from services.commands.links.decide import (
    IDENTITIES_BUSY,
    IDENTITY_EXISTS,
    NO_SUCH_IDENTITY,
    UNABLE,
    Participant,
    Steps,
    link,
    link_rejection,
    linked_subject,
    unlink,
)
from services.commands.links.link_target import AccountName, LinkTargets, accounts
from services.commands.links.saga import Participants, SagaPlan, SagaResult, Sagas
from services.commands.user_rejections import NO_SUCH_USER
from services.runtime.rejection import Rejected, Rejection


@dataclass(frozen=True, slots=True)
class Relinked:
    """The primary user after a command; `profile` is None while the view does not show it."""

    position: Position
    profile: Profile | None = None


class LinkCommands:
    """Commands that change two users each."""

    def __init__(self, sagas: Sagas, targets: LinkTargets) -> None:
        self._sagas, self._targets = sagas, targets

    async def find(self, tenant: str, user_id: str) -> Participant:
        """Return a user as linking reads it. Raises Rejected (not_found), or Transient."""
        found = await self._targets.find(tenant, user_id)
        if found is None:
            raise Rejected(NO_SUCH_USER)
        return found

    async def link(self, context: CommandContext, user_id: str, account: AccountName) -> Relinked:
        """Make the account of a provider one of the user's identities. Raises Rejected, or Transient."""
        primary = await self.find(context.tenant, user_id)
        secondary = await self._targets.by_name(context.tenant, primary, account)
        return await self._link(context, primary, secondary, "admin")

    async def link_by_token(self, context: CommandContext, user_id: str, token_of: str) -> Relinked:
        """Make the user that an ID token was issued for one of the user's identities. Raises Rejected, or
        Transient."""
        primary = await self.find(context.tenant, user_id)
        secondary = await self._targets.by_token(context.tenant, primary, token_of)
        return await self._link(context, primary, secondary, "token")

    async def unlink(self, context: CommandContext, user_id: str, provider: str, account: str) -> Relinked:
        """Make a linked account a separate user again. Raises Rejected, or Transient."""
        primary = await self.find(context.tenant, user_id)
        found = [(one, linked_subject(primary.profile, provider, one)) for one in accounts(provider, account)]
        idp_id, subject = next((item for item in found if item[1] != NO_SUCH_IDENTITY), found[0])
        if isinstance(subject, Rejection):
            raise Rejected(subject)

        def decide(participants: Participants) -> Steps:
            one, other = participants.get(primary.subject), participants.get(subject)
            if one is None or other is None or linked_subject(one.profile, provider, idp_id) != subject:
                raise Rejected(NO_SUCH_IDENTITY)
            return unlink(one, other, provider, idp_id)

        subjects = [primary.subject, subject]
        plan = SagaPlan("unlink", subjects, primary.subject, decide, IDENTITIES_BUSY)
        return await self._relinked(context.tenant, primary, await self._sagas.execute(context, plan))

    async def _link(
        self, context: CommandContext, primary: Participant, secondary: Participant, means: LinkMeans
    ) -> Relinked:
        def decide(participants: Participants) -> Steps:
            one, other = participants.get(primary.subject), participants.get(secondary.subject)
            rejection = link_rejection(one, other)
            if rejection is not None or one is None or other is None:
                raise Rejected(rejection or UNABLE)
            return link(one, other, means)

        subjects = [primary.subject, secondary.subject]
        plan = SagaPlan("link", subjects, primary.subject, decide, IDENTITY_EXISTS)
        result = await self._sagas.execute(context, plan)
        if result.took_effect is False:
            participants = await self._sagas.read(context.tenant, subjects)
            raise Rejected(link_rejection(*map(participants.get, subjects)) or UNABLE)
        return await self._relinked(context.tenant, primary, result)

    async def _relinked(self, tenant: str, primary: Participant, result: SagaResult) -> Relinked:
        if result.took_effect is None:
            return Relinked(result.position)
        participants = await self._sagas.read(tenant, [primary.subject])
        return Relinked(result.position, participants[primary.subject].profile)
