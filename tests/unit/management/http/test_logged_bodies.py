"""Request bodies in log entries."""

from typing import Any

import pytest

from services.management.http.command_context import (
    MASK,
    MAX_LOGGED_BODY_BYTES,
    MAX_MASKED_BODY_BYTES,
    logged_body,
)


@pytest.mark.parametrize(
    ("sent", "logged"),
    [
        (None, {}),
        ({"name": "a"}, {"name": "a"}),
        ({"password": "b" * MAX_LOGGED_BODY_BYTES, "name": "a"}, {"password": MASK, "name": "a"}),
        ({"name": "a" * MAX_LOGGED_BODY_BYTES}, {}),
        ({"password": "b" * MAX_MASKED_BODY_BYTES}, {}),
    ],
)
def test_large_bodies_and_secrets_are_not_logged(sent: Any, logged: Any) -> None:
    """A body counts as heavy without its secrets, unless it is too large to be looked through for them."""
    assert logged_body(sent) == logged
