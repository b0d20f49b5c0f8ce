"""Changes are recognised as JSON compares values: `true`, `1` and `1.0` are three."""

from itertools import permutations
from typing import Any

import pytest

from schemas.formats import exact_json
from services.commands.settings.decide_connection import decide_change
from services.commands.users.metadata import patch_changes
from services.management.connections.models import UpdateConnection
from services.management.connections.routes import change_of
from tests.samples.profile_events import document, login
from tests.samples.stored_documents import make_connection

ALIKE = (True, 1, 1.0)
PAIRS = list(permutations(ALIKE, 2))


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_options_of_a_connection(before: Any, after: Any) -> None:
    """A changed option at any depth causes an event; an equal option causes none."""
    current = make_connection(strategy="samlp", options={"deep": [{"flag": before}]})
    changed = UpdateConnection.model_validate({"options": {"deep": [{"flag": after}]}})
    same = UpdateConnection.model_validate({"options": {"deep": [{"flag": before}]}})
    assert decide_change(current, change_of(changed)).drafts
    assert not decide_change(current, change_of(same)).drafts


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_metadata_and_what_logins_bring(before: Any, after: Any) -> None:
    """Metadata, attributes and leftover claims of a login are compared in this way."""
    assert patch_changes("user_metadata", {"a": before}, {"a": after}, "first_level")
    assert not patch_changes("user_metadata", {"a": before}, {"a": before}, "first_level")
    for name in ("email_verified", "extra"):
        logins = [
            login(
                minute,
                attributes={"email": "jane@example.com", "email_verified": value},
                extras={"extra": value},
            )
            for minute, value in enumerate((before, after))
        ]
        assert exact_json.dumps(document(*logins)[name]) == exact_json.dumps(after)
