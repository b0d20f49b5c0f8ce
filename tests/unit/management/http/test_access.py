"""Scopes, actors and preconditions."""

import pytest
from starlette.datastructures import Headers

from services.commands.context import STALE_REVISION, CommandContext
from services.management.http import authorization
from services.management.http.command_context import expected_revisions, has_revision
from services.management.http.errors import OTHER_SUBJECT, error_response
from services.management.users.models import UpdateUser
from services.management.users.write_users import _check_fields
from services.runtime.auth.tokens import BAD_FORMAT, MISSING, InvalidToken, Principal
from services.runtime.rejection import Rejected

SCOPES = ("read:users", "read:current_user")


def principal(*scopes: str, subject: str = "app@clients", client_id: str = "app") -> Principal:
    return Principal(subject, "demo", client_id, frozenset(scopes))


def test_any_one_scope_is_enough() -> None:
    """A caller without any of the scopes gets an error that lists them all."""
    assert authorization.granted(principal("read:users", "x"), SCOPES) == {"read:users"}
    with pytest.raises(Rejected) as caught:
        authorization.granted(principal("x"), SCOPES)
    refusal = error_response(caught.value.rejection)
    assert (refusal.status, refusal.error_code) == (403, "insufficient_scope")
    assert refusal.message == "Insufficient scope, expected any of: read:users,read:current_user"


def test_current_user_scopes_cover_the_own_subject_only() -> None:
    """They count for the token's own subject only."""
    oneself = frozenset(("read:current_user",))
    assert authorization.reaching(oneself, principal(subject="auth0|1"), "auth0|1") == oneself
    with pytest.raises(Rejected) as caught:
        authorization.reaching(oneself, principal(subject="auth0|1"), "auth0|2")
    assert caught.value.rejection == OTHER_SUBJECT


def test_metadata_scopes_reach_one_property_each() -> None:
    """Anything beyond it wants update:users."""
    own, app = frozenset(("update:current_user_metadata",)), frozenset(("update:users_app_metadata",))
    _check_fields(own, UpdateUser(user_metadata={}))
    _check_fields(app, UpdateUser(app_metadata={}, connection="c"))
    _check_fields(own | app, UpdateUser(app_metadata={}, user_metadata={}))
    for scopes, body in ((own, UpdateUser(app_metadata={})), (app, UpdateUser(name="x"))):
        with pytest.raises(Rejected) as caught:
            _check_fields(scopes, body)
        assert caught.value.rejection.code == "insufficient_scope"


def test_responses_to_missing_and_invalid_tokens() -> None:
    """401 with attributes; 400 for what is no token."""
    refusal = authorization.unauthorized(InvalidToken(MISSING))
    assert refusal.body() == (
        b'{"statusCode":401,"error":"Unauthorized","message":"Missing authentication",'
        b'"attributes":{"error":"Missing authentication"}}'
    )
    assert authorization.unauthorized(InvalidToken(BAD_FORMAT)).body() == (
        b'{"statusCode":400,"error":"Bad Request","message":"Bad HTTP authentication header format",'
        b'"errorCode":"Bearer"}'
    )


def test_actors_never_hold_what_an_envelope_refuses() -> None:
    """A foreign client id falls back to a fixed word."""
    assert authorization.actor(principal(client_id="abc")) == "client:abc"
    assert authorization.actor(principal(client_id="a b")) == "client:external"
    assert authorization.actor(principal(client_id="abc@corp")) == "client:abc@corp"
    assert authorization.actor(principal(client_id="jane@example.com@corp")) == "client:external"
    assert authorization.actor(principal(client_id="jane@example.com")) == "client:external"


def expected(headers: dict[str, str]) -> int | None:
    return CommandContext(
        tenant="demo", actor="client:x", expected_revisions=expected_revisions(Headers(headers))
    ).expected_revision(7)


@pytest.mark.parametrize("header", ['"7"', '"6", "7"', ' "7" '])
def test_if_match_names_the_revision_to_change(header: str) -> None:
    """One of several may be the current one."""
    assert expected({"if-match": header}) == 7


@pytest.mark.parametrize("header", ['"6"', 'W/"7"', "7", "", "nonsense"])
def test_any_other_if_match_is_refused(header: str) -> None:
    """Weak tags never match for a change."""
    with pytest.raises(Rejected) as caught:
        expected({"if-match": header})
    assert caught.value.rejection == STALE_REVISION


def test_no_condition_expects_nothing() -> None:
    """Without `If-Match`, or with `*`, no revision is expected."""
    assert expected({}) is None
    assert expected({"if-match": "*"}) is None


def test_if_none_match_compares_weakly() -> None:
    """A cache may have weakened the tag."""
    assert has_revision(Headers({"if-none-match": 'W/"7"'}), 7)
    assert has_revision(Headers({"if-none-match": "*"}), 7)
    assert not has_revision(Headers({"if-none-match": '"6"'}), 7)
    assert not has_revision(Headers({}), 7)
