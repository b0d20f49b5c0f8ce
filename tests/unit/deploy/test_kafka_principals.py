"""Names, passwords and mechanisms of the services on Kafka, and what an operator runs by hand."""

from pathlib import Path

import pytest

from deploy.kafka_principals import (
    NoAuthorizer,
    RightsRefused,
    _acl_command,
    _check,
    _user_commands,
    kept_passwords,
    mechanism_of,
    new_passwords,
    principals,
)
from deploy.kafka_rights import RIGHTS, acls
from services.runtime.kafka.access import KafkaAccess, SaslCredentials

ADMINISTRATOR = KafkaAccess("b:9092", "SASL_SSL", SaslCredentials("SCRAM-SHA-256", "admin", "secret"))


def test_services_are_named_after_the_installation() -> None:
    """Two installations on one cluster have different principals; a name can be given."""
    known = principals({"VITA_AUDITOR_KAFKA_USERNAME": "CN=auditor,O=Example"}, "acme.")
    assert (known["ingest"].name, known["ingest"].password) == ("acme.vita-ingest", None)
    assert known["auditor"].name == "CN=auditor,O=Example"
    assert set(known) == set(RIGHTS)


def test_passwords_are_random_and_not_shown() -> None:
    """Every service has a different random password; no representation contains one."""
    first, second = new_passwords(), new_passwords()
    assert len({*first.values(), *second.values()}) == 2 * len(RIGHTS)
    known = principals(first)
    assert all(one.password for one in known.values())
    assert not any(password in repr(known) for password in first.values())


def test_passwords_are_kept_for_the_owner_alone(tmp_path: Path) -> None:
    """Stored passwords are read again; only the owner can read the file, and a missing line is created
    again."""
    file = tmp_path / "kafka.passwords"
    made = kept_passwords(file)
    assert kept_passwords(file) == made
    assert file.stat().st_mode & 0o077 == 0
    first, *others = file.read_text().splitlines(keepends=True)
    file.write_text("".join(others))
    again = kept_passwords(file)
    changed = {name for name in made if made[name] != again[name]}
    assert changed == {first.partition("=")[0]}


@pytest.mark.parametrize(
    ("administrator", "named", "mechanism"),
    [
        (ADMINISTRATOR, None, "SCRAM-SHA-256"),
        (
            KafkaAccess("b:1", "SASL_PLAINTEXT", SaslCredentials("PLAIN", "a", "p")),
            "SCRAM-SHA-512",
            "SCRAM-SHA-512",
        ),
        (KafkaAccess("b:1", "SASL_PLAINTEXT", SaslCredentials("PLAIN", "a", "p")), None, "PLAIN"),
        (KafkaAccess("b:1", "SASL_PLAINTEXT", SaslCredentials("OAUTHBEARER")), None, None),
        (KafkaAccess("b:1", "SSL"), None, None),
        (KafkaAccess("b:1"), "SCRAM-SHA-512", None),
    ],
)
def test_services_authenticate_as_the_administrator_does(
    administrator: KafkaAccess, named: str | None, mechanism: str | None
) -> None:
    """Services use the administrator's mechanism unless another one is named; without passwords they share
    its identity."""
    assert mechanism_of(administrator, named) == mechanism
    one = principals({"VITA_INGEST_KAFKA_PASSWORD": "p"})["ingest"]
    access = one.access(administrator, mechanism_of(administrator, named))
    assert (access == administrator) == (mechanism is None)
    assert (access.sasl.username == "vita-ingest") == (mechanism is not None)


def test_a_refusal_is_answered_with_commands_without_secrets() -> None:
    """Where the cluster refuses, an operator can run Kafka's tools; passwords stay in variables."""
    one = principals({"VITA_GATEWAY_KAFKA_PASSWORD": "hidden"}, "acme.")["gateway"]
    (user,) = _user_commands(ADMINISTRATOR, [one], "SCRAM-SHA-512")
    assert "--entity-name acme.vita-gateway" in user
    assert '"SCRAM-SHA-512=[password=$VITA_GATEWAY_KAFKA_PASSWORD]"' in user
    rights = [_acl_command(ADMINISTRATOR, acl) for acl in acls("gateway", one.name, "acme.")]
    ends = [command.partition("--add ")[2] for command in rights]
    assert ends == [
        "--allow-principal 'User:acme.vita-gateway' --operation Read --topic 'acme.revocations'",
        "--allow-principal 'User:acme.vita-gateway' --operation Write --topic 'acme.logins.raw'",
        "--allow-principal 'User:acme.vita-gateway' --operation Read --group 'acme.gateway-'"
        " --resource-pattern-type prefixed",
    ]
    assert "hidden" not in user + "".join(rights)
    with pytest.raises(RightsRefused, match="not allowed") as refused:
        _check([(0, None), (31, "not allowed")], rights)
    assert refused.value.commands == rights
    with pytest.raises(NoAuthorizer):
        _check([(54, None)], rights)
