"""What the events of one command say about the request that caused them."""

from schemas.events import CommandData, UserBlocked, UserFlagData, UserUnblocked
from services.commands.context import CommandContext, RequestLog, begin_command, to_events
from services.commands.decision import Draft

REQUEST = {"method": "patch", "path": "/x", "body": {"a": 1}, "ip": "192.0.2.1", "user_agent": "agent/1"}


def test_each_event_of_a_command_carries_the_address_and_the_agent() -> None:
    """The first event has the whole request; later ones only what each log entry shows of it."""
    log = RequestLog(operation="Update a User", request=REQUEST)
    command = begin_command(CommandContext(tenant="demo", actor="client:x", request_log=log))
    drafts = [Draft(kind, UserFlagData()) for kind in (UserBlocked, UserUnblocked, UserBlocked)]
    first, *later = [event.data for event in to_events(command, "sub_" + "0" * 32, drafts)]
    assert isinstance(first, CommandData)
    assert (first.operation, first.request) == ("Update a User", REQUEST)
    for data in later:
        assert isinstance(data, CommandData)
        assert (data.operation, data.request) == (None, {"ip": "192.0.2.1", "user_agent": "agent/1"})
