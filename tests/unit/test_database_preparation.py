"""The pure parts of preparing a database."""

from pathlib import Path

import pytest

from deploy.database import (
    LOGIN_ROLES,
    DatabaseRefused,
    Migration,
    database_url,
    outstanding,
    read_migrations,
    role_passwords,
    role_url,
)
from deploy.prepare import NotPrepared, Places

FIRST = Migration("0001_first", "SELECT 1")
SECOND = Migration("0002_second", "SELECT 2")
ADMIN = "postgresql://postgres:p%40ss@db.example:6543/postgres?sslmode=require"


def test_only_what_is_missing_is_applied() -> None:
    """Applied migrations are not applied again."""
    assert outstanding({FIRST.name: FIRST.checksum}, [FIRST, SECOND]) == [SECOND]


def test_a_changed_migration_is_refused() -> None:
    """History is not rewritten: a file that differs from what was applied stops the start."""
    with pytest.raises(DatabaseRefused, match=r"0001_first\.sql was changed"):
        outstanding({FIRST.name: "another"}, [FIRST])


def test_an_older_version_keeps_its_hands_off() -> None:
    """A database that knows more migrations than this code is refused."""
    with pytest.raises(DatabaseRefused, match="0002_second"):
        outstanding({FIRST.name: FIRST.checksum, SECOND.name: SECOND.checksum}, [FIRST])


def test_a_gap_in_the_numbers_is_refused(tmp_path: Path) -> None:
    """Two branches that took the same number are found before anything is applied."""
    for name in ("0001_a.sql", "0001_b.sql"):
        (tmp_path / name).touch()
    with pytest.raises(DatabaseRefused, match="0001"):
        read_migrations(tmp_path)


def test_the_ledger_can_be_read() -> None:
    """The migrations of this version are in order."""
    assert read_migrations()[0].name == "0001_ledger"


def test_passwords_agree_and_differ() -> None:
    """Everybody with the same administrator derives the same passwords, one for each role."""
    passwords = role_passwords(ADMIN)
    assert passwords == role_passwords(ADMIN.replace("/postgres?", "/other?"))
    assert len(set(passwords.values())) == len(LOGIN_ROLES)
    assert passwords != role_passwords(ADMIN.replace("p%40ss", "other"))


def test_addresses_keep_what_the_administrator_said() -> None:
    """Host, port and options stay; user, password and database are replaced and quoted."""
    assert role_url(ADMIN, "vita_ingest", "a/b", "vita") == (
        "postgresql://vita_ingest:a%2Fb@db.example:6543/vita?sslmode=require"
    )
    assert database_url(ADMIN, "vita").endswith("p%40ss@db.example:6543/vita?sslmode=require")


def test_a_password_can_be_given() -> None:
    """A role's password in the environment comes before the derived one."""
    passwords = role_passwords(ADMIN, {"VITA_INGEST_PASSWORD": "given"})
    assert passwords["vita_ingest"] == "given"
    assert passwords["vita_auditor"] == role_passwords(ADMIN)["vita_auditor"]


def test_the_environment_says_where_things_are() -> None:
    """What is optional has its default."""
    places = Places.from_environment({"VITA_KAFKA_BOOTSTRAP": "b:9092", "VITA_POSTGRES_ADMIN_URL": ADMIN})
    assert (places.database, places.topic_prefix, places.replication) == ("vita", "", 1)


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"VITA_KAFKA_BOOTSTRAP": "b:9092"}, "VITA_POSTGRES_ADMIN_URL"),
        ({"VITA_POSTGRES_ADMIN_URL": ADMIN}, "VITA_KAFKA_BOOTSTRAP"),
        (
            {
                "VITA_KAFKA_BOOTSTRAP": "b:9092",
                "VITA_POSTGRES_ADMIN_URL": ADMIN,
                "VITA_TOPIC_REPLICATION": "three",
            },
            "VITA_TOPIC_REPLICATION",
        ),
    ],
)
def test_what_is_missing_is_named(environment: dict[str, str], named: str) -> None:
    """A wrong environment is told before anything is connected to."""
    with pytest.raises(NotPrepared, match=named):
        Places.from_environment(environment)
