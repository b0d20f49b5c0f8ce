"""What the events of one command say about the request that caused them."""

from datetime import UTC, datetime

from schemas.events import CommandData, UserBlocked, UserFlagData, UserUnblocked
from services.commands.outcome import Command, Draft, dress

REQUEST = {"method": "patch", "path": "/x", "body": {"a": 1}, "ip": "192.0.2.1", "user_agent": "agent/1"}


def test_each_event_of_a_command_carries_the_address_and_the_agent() -> None:
    """The first event has the whole request; later ones only what each log entry shows of it."""
    command = Command(
        "018f6d3e-0000-7000-8000-000000000000", "demo", "client:x", datetime.now(UTC),
        operation="Update a User", request=REQUEST,
    )  # fmt: skip
    drafts = [Draft(kind, UserFlagData()) for kind in (UserBlocked, UserUnblocked, UserBlocked)]
    first, *later = [event.data for event in dress(command, "sub_" + "0" * 32, drafts)]
    assert isinstance(first, CommandData)
    assert (first.operation, first.request) == ("Update a User", REQUEST)
    for data in later:
        assert isinstance(data, CommandData)
        assert (data.operation, data.request) == (None, {"ip": "192.0.2.1", "user_agent": "agent/1"})
