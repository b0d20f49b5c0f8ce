"""Commands of attack protection: release blocks and record throttling."""

from collections.abc import Iterable

from schemas.events import (
    ClientThrottled,
    ClientThrottledData,
    IpUnblocked,
    IpUnblockedData,
    LoginBlockReleased,
    LoginBlockReleasedData,
)
from schemas.formats.identifiers import tenant_subject
from services.commands.context import CommandContext, begin_command, to_events
from services.commands.decision import Draft
from services.commands.execute import Executor
from services.commands.user_rejections import NO_SUCH_USER
from services.commands.writer import Written
from services.runtime.rejection import NOT_FOUND, Rejected

Release = tuple[str, str | None]
"""A subject and the identifier to unblock; None for all of the subject's identifiers."""


class ProtectionCommands:
    """Commands that depend on no state."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def unblock_address(self, context: CommandContext, ip: str) -> Written:
        """Unblock an IP address. Raises Rejected, or Transient."""
        owner = await self._executor.tenant_owner(context.tenant)
        draft = Draft(IpUnblocked, IpUnblockedData(ip=ip))
        events = to_events(begin_command(context), owner.subject, (draft,))
        return await self._executor.append(context, events, owner.keys, NOT_FOUND)

    async def release_logins(self, context: CommandContext, releases: Iterable[Release]) -> Written | None:
        """Release blocks, one event for each subject and identifier; only the first one adds a log entry.

        Return None if there is nothing to release. Subjects that were erased meanwhile are left out. Raises
        Rejected, or Transient.
        """
        command, written = begin_command(context), None
        for subject, identifier in dict.fromkeys(releases):
            draft = Draft(LoginBlockReleased, LoginBlockReleasedData(identifier=identifier))
            owner = await self._executor.owner_of(context.tenant, subject)
            events = to_events(command, subject, (draft,))
            try:
                written = await self._executor.append(context, events, owner.keys, NO_SUCH_USER)
            except Rejected as rejected:
                if rejected.rejection.kind != "not_found":
                    raise
            command = command.without_log_entry()
        return written

    async def record_throttling(self, context: CommandContext, data: ClientThrottledData) -> None:
        """Record that requests of a client were rejected, without waiting for the view. Raises Rejected, or
        Transient."""
        owner = await self._executor.owner_of(context.tenant, tenant_subject(context.tenant))
        events = to_events(begin_command(context), owner.subject, (Draft(ClientThrottled, data),))
        await self._executor.post(context.tenant, events, owner.keys)
