"""The pure parts of preparing a database."""

import base64
import re
from pathlib import Path

import pytest

from deploy.database import DatabaseRefused, Migration, database_url, outstanding, read_migrations
from deploy.prepare import Installation, NotPrepared
from deploy.rights import declared
from deploy.roles import LOGINS, Passwords, RolesRefused, role_name, role_url, scram_verifier
from tests.support.repository import ROOT

FIRST = Migration("0001_first", "SELECT 1")
SECOND = Migration("0002_second", "SELECT 2")
ADMIN = "postgresql://postgres:p%40ss@db.example:6543/postgres?sslmode=require"


def test_only_missing_migrations_are_applied() -> None:
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
    """Two migrations with one number are refused before any is applied."""
    for name in ("0001_a.sql", "0001_b.sql"):
        (tmp_path / name).touch()
    with pytest.raises(DatabaseRefused, match="0001"):
        read_migrations(tmp_path)


def test_the_ledger_can_be_read() -> None:
    """The migrations of this version are in order."""
    assert read_migrations()[0].name == "0001_ledger"


def test_passwords_are_random_and_kept(tmp_path: Path) -> None:
    """Made passwords differ by role and by time, and lie in a private file that is read again."""
    file = tmp_path / "keys" / "vita.passwords"
    made = Passwords({}, file).make(LOGINS)
    assert len({*made.values(), *Passwords({}).make(LOGINS).values()}) == 2 * len(LOGINS)
    assert file.stat().st_mode & 0o777 == 0o600
    again = Passwords({}, file)
    assert {login: again.known(login) for login in LOGINS} == made
    file.chmod(0o640)
    with pytest.raises(RolesRefused, match="chmod 600"):
        Passwords({}, file)


def test_roles_are_named_after_their_database() -> None:
    """A name that PostgreSQL would cut short, so that two databases could share a role, is refused."""
    assert role_name("vita", "projector") == "vita_projector"
    with pytest.raises(RolesRefused, match="at most 52 bytes"):
        role_name("v" * 60, "projector")


def test_the_server_receives_a_verifier() -> None:
    """The verifier is the one of RFC 7677's example, so that servers take it for the password."""
    verifier = scram_verifier("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    assert verifier == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
        ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


def test_rights_are_declared_in_one_place() -> None:
    """No migration, table or view grants anything or names a role: `deploy/rights.yaml` is where to do it."""
    assert set(declared().tables) >= {"ledger.signing_key", "view_N.profile", "views.profile"}
    files = [*(ROOT / "deploy/ledger").glob("*.sql"), *(ROOT / "projections").glob("*/*.sql")]
    for file in files:
        statements = re.sub(r"--.*", "", file.read_text("utf-8"))
        found = re.findall(r"\b(?:GRANT|REVOKE)\b|\bvita_\w+|\ball_tenants\b", statements)
        assert not found, f"{file.name}: {found}: rights belong into deploy/rights.yaml"


def test_addresses_keep_what_the_administrator_said() -> None:
    """Host, port and options stay; user, password and database are replaced and quoted."""
    assert role_url(ADMIN, "vita_ingest", "a/b", "vita") == (
        "postgresql://vita_ingest:a%2Fb@db.example:6543/vita?sslmode=require"
    )
    assert database_url(ADMIN, "vita").endswith("p%40ss@db.example:6543/vita?sslmode=require")


def test_a_password_can_be_given(tmp_path: Path) -> None:
    """A password in the environment comes before the one in the file; one that cannot be used is named."""
    made = Passwords({}, tmp_path / "file").make(LOGINS)
    passwords = Passwords({"VITA_INGEST_PASSWORD": "given"}, tmp_path / "file")
    assert (passwords.known("ingest"), passwords.known("auditor")) == ("given", made["auditor"])
    with pytest.raises(RolesRefused, match="VITA_INGEST_PASSWORD"):
        Passwords({"VITA_INGEST_PASSWORD": "pass word"})


def test_the_environment_says_where_things_are() -> None:
    """What is optional has its default."""
    installation = Installation.from_environment(
        {"VITA_KAFKA_BOOTSTRAP": "b:9092", "VITA_POSTGRES_ADMIN_URL": ADMIN, "VITA_KEY_PROVIDER": "env:KEK"}
    )
    assert (installation.database, installation.topic_prefix, installation.replication) == ("vita", "", 1)


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"VITA_KAFKA_BOOTSTRAP": "b:9092"}, "VITA_POSTGRES_ADMIN_URL"),
        ({"VITA_POSTGRES_ADMIN_URL": ADMIN}, "VITA_KAFKA_BOOTSTRAP"),
        ({"VITA_KAFKA_BOOTSTRAP": "b:9092", "VITA_POSTGRES_ADMIN_URL": ADMIN}, "VITA_KEY_PROVIDER"),
        (
            {
                "VITA_KAFKA_BOOTSTRAP": "b:9092",
                "VITA_POSTGRES_ADMIN_URL": ADMIN,
                "VITA_KEY_PROVIDER": "env:KEK",
                "VITA_TOPIC_REPLICATION": "three",
            },
            "VITA_TOPIC_REPLICATION",
        ),
    ],
)
def test_missing_variables_are_named(environment: dict[str, str], named: str) -> None:
    """Missing variables are reported before any connection is opened."""
    with pytest.raises(NotPrepared, match=named):
        Installation.from_environment(environment)
