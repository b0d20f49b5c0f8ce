"""`vita users` against a scripted Management API."""

import json

import pytest

from deploy.local.services import Stack
from tests.support.fake_vita import FakeVita
from tests.unit.cli.conftest import Vita

JANE = {
    "user_id": "auth0|1", "email": "jane@example.com", "logins_count": 3, "name": "Jane",
    "identities": [{"connection": "customers", "provider": "auth0", "user_id": "1", "isSocial": False}],
}  # fmt: skip
PATH = "/api/v2/users/auth0%7C1"


@pytest.fixture(autouse=True)
def stack(local: Stack) -> None:
    """Every test has a local stack."""


def test_list_pages_and_says_what_comes_next(vita: Vita, fake: FakeVita) -> None:
    """A page shows its place among all users and the command for the next one."""
    fake.answers("GET", "/api/v2/users", 200, {"users": [JANE], "total": 12})
    ran = vita("users", "list", "--page", "2", "--per-page", "1")
    assert fake.requests("GET", "/api/v2/users")[0].path.endswith("?page=2&per_page=1&include_totals=true")
    assert "auth0|1" in ran.out
    assert "3 to 3 of 12 users; the next: vita users list --page 3 --per-page 1" in ran.out


def test_get_takes_an_id(vita: Vita, fake: FakeVita) -> None:
    """An id is sent as one path segment; the revision is shown."""
    fake.answers("GET", PATH, 200, JANE, etag='"7"')
    ran = vita("users", "get", "auth0|1")
    assert ran.code == 0
    assert "(revision)" in ran.out
    assert "7" in ran.out


def test_get_takes_an_address(vita: Vita, fake: FakeVita) -> None:
    """An e-mail address finds the one user who has it."""
    fake.answers("GET", "/api/v2/users-by-email", 200, [JANE])
    fake.answers("GET", PATH, 200, JANE)
    assert json.loads(vita("users", "get", "jane@example.com", "--json").out) == JANE
    assert fake.requests("GET", "/api/v2/users-by-email")[0].path.endswith("?email=jane%40example.com")


def test_restore_shows_the_user(vita: Vita, fake: FakeVita) -> None:
    """The restored user is shown."""
    fake.answers("POST", f"{PATH}/restore", 200, JANE, etag='"9"')
    assert json.loads(vita("users", "restore", "auth0|1", "--json").out) == JANE


def test_a_restore_that_comes_too_late_says_so(vita: Vita, fake: FakeVita) -> None:
    """After the grace period the command ends with the API's message."""
    gone = {"statusCode": 410, "error": "Gone", "message": "Too late.", "errorCode": "restore_expired"}
    fake.answers("POST", f"{PATH}/restore", 410, gone)
    ran = vita("users", "restore", "auth0|1")
    assert ran.code == 1
    assert "Too late (410 restore_expired" in ran.err


def test_an_address_of_several_names_them(vita: Vita, fake: FakeVita) -> None:
    """Two users with one address are not chosen between."""
    fake.answers("GET", "/api/v2/users-by-email", 200, [JANE, JANE | {"user_id": "github|2"}])
    ran = vita("users", "get", "jane@example.com")
    assert ran.code == 1
    assert "auth0|1, github|2" in ran.err


def test_the_apis_own_message_is_shown(vita: Vita, fake: FakeVita) -> None:
    """An error of the API ends the command with its message, status and code."""
    error = {
        "statusCode": 404,
        "error": "Not Found",
        "message": "The user does not exist.",
        "errorCode": "inexistent_user",
    }
    fake.answers("GET", PATH, 404, error)
    ran = vita("users", "get", "auth0|1", "--json")
    assert (ran.code, ran.out) == (1, "")
    assert "The user does not exist (404 inexistent_user)" in ran.err


def test_create_reads_a_password_from_a_pipe(vita: Vita, fake: FakeVita) -> None:
    """`--password -` keeps the password off the command line."""
    fake.answers("POST", "/api/v2/users", 201, JANE)
    ran = vita(
        "users", "create", "--connection", "customers", "--email", "jane@example.com", "--password", "-",
        "--user-metadata", '{"n": 12345678901234567890123}', stdin="pass word\n",
    )  # fmt: skip
    assert ran.code == 0
    assert fake.requests("POST", "/api/v2/users")[0].document == {
        "connection": "customers", "email": "jane@example.com", "password": "pass word",
        "user_metadata": {"n": 12345678901234567890123},
    }  # fmt: skip


def test_update_sends_the_changes(vita: Vita, fake: FakeVita) -> None:
    """Values, removals, truths, metadata and the expected revision travel in one request."""
    fake.answers("PATCH", PATH, 200, JANE, etag='"8"')
    ran = vita(
        "users", "update", "auth0|1", "--set", "name=Jane = J", "--set", "email_verified=true",
        "--unset", "nickname", "--app-metadata", '{"plan": null}', "--if-match", "7",
    )  # fmt: skip
    assert ran.code == 0
    (request,) = fake.requests("PATCH", PATH)
    assert request.headers["if-match"] == '"7"'
    assert request.document == {
        "name": "Jane = J", "email_verified": True, "nickname": None, "app_metadata": {"plan": None},
    }  # fmt: skip


def test_a_write_not_visible_yet_is_no_failure(vita: Vita, fake: FakeVita) -> None:
    """A 202 is reported as recorded on stderr, and stdout has JSON only."""
    fake.answers("PATCH", PATH, 202, {"position": "3:4"})
    ran = vita("users", "block", "auth0|1", "--json")
    assert ran.code == 0
    assert json.loads(ran.out) == {"position": "3:4"}
    assert "not visible yet" in ran.err


@pytest.mark.parametrize(("verb", "blocked"), [("block", True), ("unblock", False)])
def test_block_and_unblock(vita: Vita, fake: FakeVita, verb: str, blocked: bool) -> None:
    """Each command changes one flag."""
    fake.answers("PATCH", PATH, 200, JANE)
    assert vita("users", verb, "auth0|1").code == 0
    assert fake.requests("PATCH", PATH)[0].document == {"blocked": blocked}


def test_delete_needs_yes_without_a_terminal(vita: Vita, fake: FakeVita) -> None:
    """Without a terminal to confirm on, no user is deleted."""
    assert vita("users", "delete", "auth0|1").code == 1
    assert fake.requests("DELETE", PATH) == []


def test_delete_with_yes(vita: Vita, fake: FakeVita) -> None:
    """`--yes` deletes and prints the position of the event."""
    fake.answers("DELETE", PATH, 204, None, vita_position="3:17")
    ran = vita("users", "delete", "auth0|1", "--yes", "--json")
    assert json.loads(ran.out) == {"user_id": "auth0|1", "deleted": True, "position": "3:17"}


@pytest.mark.parametrize(
    "arguments",
    [("--set", "name"), ("--set", "blocked=maybe"), ("--user-metadata", "{"), ("--app-metadata", "[]"), ()],
)
def test_update_refuses_what_it_cannot_read(vita: Vita, fake: FakeVita, arguments: tuple[str, ...]) -> None:
    """A wrong option is a usage error, and no request is sent."""
    assert vita("users", "update", "auth0|1", *arguments).code == 2
    assert fake.requests("PATCH", PATH) == []


def test_a_name_cannot_command_the_terminal(vita: Vita, fake: FakeVita) -> None:
    """Escape sequences and invisible controls in people's data are not passed on."""
    evil = JANE | {"name": "\x1b]0;owned\x07\u202eJane"}
    fake.answers("GET", "/api/v2/users", 200, {"users": [evil], "total": 1})
    ran = vita("users", "list")
    assert not {"\x1b", "\x07", "\u202e"} & set(ran.out)
    assert "owned" in ran.out
