"""Which events publish revocations for gateways."""

from typing import Any

import pytest

from projections.batch.fold import fold_batch
from projections.batch.views import Views
from projections.session.revocations import revocations
from schemas.events import (
    RefreshTokenRevoked,
    RefreshTokenRevokedData,
    RememberedBrowsersInvalidated,
    RememberedBrowsersInvalidatedData,
    RiskAssessmentCleared,
    RiskAssessmentClearedData,
    SessionChanged,
    SessionChangedData,
    SessionRevoked,
    SessionRevokedData,
    UserBlocked,
)
from schemas.revocation import record_of
from tests.samples.profile_events import event, flag, login, on_the_log

ONE = SessionRevokedData(session_id="s")
ALL = SessionRevokedData(every=True, refresh_tokens=True)
CLIENT = RefreshTokenRevokedData(every=True, client_id="app", audience="https://api/")


def revocations_of(*events: Any, replayed: bool = False) -> list[dict[str, Any]]:
    """The data of the revocations of a batch, as it is on the topic."""
    batch = [one._replace(replayed=replayed) for one in on_the_log(events)]
    found = revocations(fold_batch(Views(), batch).applied)
    return [one.data.model_dump(mode="json", exclude_none=True) for one in found]


@pytest.mark.parametrize(
    ("model", "data", "ended"),
    [
        (
            RememberedBrowsersInvalidated,
            RememberedBrowsersInvalidatedData(),
            {"what": ["remembered_browsers"]},
        ),
        (
            RiskAssessmentCleared,
            RiskAssessmentClearedData(connection="users", assessors=("new-device",)),
            {"what": ["risk_assessments"], "connection": "users"},
        ),
        (SessionRevoked, ONE, {"what": ["sessions"], "session_id": "s"}),
        (SessionRevoked, ALL, {"what": ["sessions", "refresh_tokens"]}),
        (
            RefreshTokenRevoked,
            RefreshTokenRevokedData(refresh_token_ids=("a", "b")),
            {"what": ["refresh_tokens"], "refresh_token_ids": ["a", "b"]},
        ),
        (
            RefreshTokenRevoked,
            CLIENT,
            {"what": ["refresh_tokens"], "client_id": "app", "audience": "https://api/"},
        ),
    ],
)
def test_each_revocation_says_how_far_it_goes(model: Any, data: Any, ended: dict[str, Any]) -> None:
    """A revocation covers all of a person's access, or the named object."""
    assert revocations_of(login(), event(model, data)) == [{**ended, "user_id": "google-oauth2|117"}]


def test_events_that_end_no_session_revoke_nothing() -> None:
    """Edits, refused commands, and ids that can no longer be read: never is one session taken for all."""
    described = SessionChangedData(session_id="s")
    stale = ONE.model_copy(update={"expected_revision": 7})
    silent = (SessionRevokedData(), stale)
    events = [login(), flag(UserBlocked), event(SessionChanged, described)]
    assert revocations_of(*events, *(event(SessionRevoked, data) for data in silent)) == []
    assert revocations_of(event(SessionRevoked, ALL)) == []


def test_a_new_generation_of_the_views_repeats_nothing() -> None:
    """Revocations that an earlier generation published are not published again."""
    assert revocations_of(login(), event(SessionRevoked, ALL), replayed=True) == []


def test_the_record_is_named_by_its_event() -> None:
    """An event published twice gives equal records, under the person's key."""
    revoked = event(SessionRevoked, ALL)
    batch = fold_batch(Views(), on_the_log([login(), revoked])).applied
    first, second = (record_of(next(revocations(batch))) for _ in "12")
    assert first == second
    assert revoked.id.encode() in first.value
    assert first.key == f"demo/{revoked.subject}".encode()
