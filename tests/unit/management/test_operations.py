"""The table of operations holds together."""

import pytest
from pydantic import TypeAdapter

from schemas.events.fields import OperationName
from services.management.app import OPERATIONS
from services.management.http.operation import Operation


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
def test_an_event_can_carry_the_title(operation: Operation) -> None:
    """Otherwise the event of a command would break its contract on the log."""
    TypeAdapter(OperationName).validate_python(operation.summary)
