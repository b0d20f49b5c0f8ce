"""Which Kafka settings are accepted, what clients receive of them, and that secrets are shown nowhere."""

import json
import re
from collections.abc import AsyncIterator
from urllib.parse import parse_qs

import pytest
import pytest_asyncio
import trustme
from aiokafka.errors import KafkaConnectionError
from faststream.kafka.security import parse_security
from pydantic import ValidationError

from services.runtime.kafka.oauth_tokens import ClientCredentials, OAuthClient
from services.runtime.settings import RuntimeSettings, kafka_from, sentences
from tests.support.fake_vita import FakeVita
from tests.support.repository import ROOT

PASSWORD = "not-to-be-shown"
BROKER = {"BOOTSTRAP": "broker:9092"}
USER = {"USERNAME": "vita-ingest", "PASSWORD": PASSWORD}
OAUTH = {
    "OAUTH_TOKEN_URL": "https://login.example.com/token",
    "OAUTH_CLIENT_ID": "vita",
    "OAUTH_CLIENT_SECRET": PASSWORD,
}
SCRAM = {"SECURITY_PROTOCOL": "SASL_PLAINTEXT", "SASL_MECHANISM": "SCRAM-SHA-512", **USER}
BEARER = {"SECURITY_PROTOCOL": "SASL_PLAINTEXT", "SASL_MECHANISM": "OAUTHBEARER", **OAUTH}


def named(values: dict[str, str]) -> dict[str, str]:
    """The variables of an environment."""
    return {f"VITA_KAFKA_{name}": value for name, value in {**BROKER, **values}.items()}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An authority and a client certificate with its key."""
    folder = tmp_path_factory.mktemp("pem")
    authority = trustme.CA()
    client = authority.issue_cert("vita-ingest")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    client.cert_chain_pems[0].write_to_path(folder / "client.pem")
    client.private_key_pem.write_to_path(folder / "client.key")
    return {
        "CA": str(folder / "ca.pem"),
        "CERTIFICATE": str(folder / "client.pem"),
        "KEY": str(folder / "client.key"),
    }


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"SECURITY_PROTOCOL": "TLS"}, "VITA_KAFKA_SECURITY_PROTOCOL"),
        ({"SECURITY_PROTOCOL": "SASL_SSL", **USER}, "SASL_SSL needs VITA_KAFKA_SASL_MECHANISM"),
        (
            {"SASL_MECHANISM": "PLAIN", **USER},
            "VITA_KAFKA_SASL_MECHANISM, .* needs VITA_KAFKA_SECURITY",
        ),
        ({**USER, "SECURITY_PROTOCOL": "SSL"}, "VITA_KAFKA_USERNAME, .* it is SSL"),
        ({**SCRAM, "PASSWORD": ""}, "SCRAM-SHA-512 needs VITA_KAFKA_PASSWORD"),
        ({**SCRAM, **OAUTH}, "VITA_KAFKA_OAUTH_TOKEN_URL, .* is not used by SCRAM-SHA-512"),
        ({**SCRAM, "SASL_MECHANISM": "GSSAPI"}, "VITA_KAFKA_SASL_MECHANISM"),
        ({**SCRAM, "CA": "/ca.pem"}, "VITA_KAFKA_CA needs VITA_KAFKA_SECURITY_PROTOCOL=SSL or SASL_SSL"),
        ({**BEARER, **USER}, "VITA_KAFKA_USERNAME, .* is not used by OAUTHBEARER"),
        ({**BEARER, "OAUTH_CLIENT_SECRET": ""}, "OAUTHBEARER needs VITA_KAFKA_OAUTH_CLIENT_SECRET"),
        ({**BEARER, "OAUTH_TOKEN_URL": "http://login.example.com/"}, "must be an https address"),
        ({"SECURITY_PROTOCOL": "SSL", "KEY": "/k.pem"}, "are given together or not at all"),
        ({"SECURITY_PROTOCOL": "SSL", "CA": "/nowhere.pem"}, "VITA_KAFKA_CA: the PEM files cannot be used"),
        ({"BOOTSTRAP": ""}, "VITA_KAFKA_BOOTSTRAP: Field required"),
    ],
)
def test_a_contradiction_is_refused_in_a_sentence(
    given: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings that cannot work are refused before any connection, by services and commands alike; the
    refusal names the variables and never a value of theirs."""
    with pytest.raises(ValidationError) as refused:
        kafka_from(named(given))
    assert re.search(sentence, sentences(refused.value))
    for name, value in {**named(given), "VITA_DATABASE_URL": PASSWORD, "VITA_KEY_PROVIDER": "x"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as service:
        RuntimeSettings()
    assert PASSWORD not in f"{refused.value}{service.value!r}{sentences(refused.value)}"


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_users_connect_by_name_and_password(protocol: str, mechanism: str, files: dict[str, str]) -> None:
    """aiokafka's clients and FastStream's broker get equal protocols, mechanisms and credentials."""
    ca = {"CA": files["CA"]} if protocol == "SASL_SSL" else {}
    access = kafka_from(named({**SCRAM, "SECURITY_PROTOCOL": protocol, "SASL_MECHANISM": mechanism, **ca}))
    given = access.arguments()
    assert (given["security_protocol"], given["sasl_mechanism"]) == (protocol, mechanism)
    assert (given["sasl_plain_username"], given["sasl_plain_password"]) == ("vita-ingest", PASSWORD)
    assert (given["ssl_context"] is not None) == (protocol == "SASL_SSL")
    faststream = parse_security(access.broker_arguments()["security"])
    assert faststream == {name: given[name] for name in faststream}
    assert len(faststream) == 5
    assert PASSWORD not in repr(access)
    assert kafka_from(access.environment()) == access


def test_a_certificate_is_an_identity(files: dict[str, str]) -> None:
    """With SSL a client certificate is enough; both kinds of clients use one context."""
    access = kafka_from(named({"SECURITY_PROTOCOL": "SSL", **files}))
    context = access.arguments()["ssl_context"]
    assert context is not None
    faststream = parse_security(access.broker_arguments()["security"])
    assert faststream == {"security_protocol": "SSL", "ssl_context": context}
    assert kafka_from(access.environment()) == access


def test_without_settings_nothing_changes() -> None:
    """PLAINTEXT is the default."""
    access = kafka_from(named({}))
    assert access.arguments()["security_protocol"] == "PLAINTEXT"
    assert access.environment() == {
        "VITA_KAFKA_BOOTSTRAP": "broker:9092",
        "VITA_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
    }


def test_another_user_keeps_the_brokers(files: dict[str, str]) -> None:
    """Another identity takes over address, protocol and trusted authority, and no credential."""
    administrator = kafka_from(named({**BEARER, "SECURITY_PROTOCOL": "SASL_SSL", "CA": files["CA"]}))
    other = administrator.as_user("vita-auditor", "p", "SCRAM-SHA-256")
    assert kafka_from(other.environment()) == other
    assert (other.bootstrap, str(other.tls.ca), other.sasl.oauth) == ("broker:9092", files["CA"], None)


@pytest_asyncio.fixture
async def issuer() -> AsyncIterator[FakeVita]:
    """An authorization server."""
    with FakeVita() as running:
        yield running


def credentials(issuer: FakeVita, clock: list[float]) -> ClientCredentials:
    client = OAuthClient(f"{issuer.url}/token", "vita", PASSWORD, "kafka")
    return ClientCredentials(client, lambda: clock[0])


async def test_a_token_is_fetched_again_before_it_expires(issuer: FakeVita) -> None:
    """One token serves many connections; a new one is there before the old one ends."""
    issuer.answers("POST", "/token", 200, {"access_token": "one", "expires_in": 100})
    issuer.answers("POST", "/token", 200, {"access_token": "two", "expires_in": 100})
    clock = [0.0]
    provider = credentials(issuer, clock)
    assert [await provider.token(), await provider.token()] == ["one", "one"]
    clock[0] = 90.0
    assert await provider.token() == "two"
    form = parse_qs(issuer.asked[0].body.decode())
    assert form == {"grant_type": ["client_credentials"], "scope": ["kafka"]}
    assert issuer.asked[0].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("status", "document"),
    [(401, {"error": "invalid_client"}), (200, {"token": "?"}), (200, ["no object"]), (503, None)],
)
async def test_without_a_token_there_is_no_connection(
    issuer: FakeVita, status: int, document: object
) -> None:
    """An authorization server that gives no token counts as a broker that cannot be reached: clients retry.
    The message names the client and not its secret."""
    issuer.answers("POST", "/token", status, document)
    with pytest.raises(KafkaConnectionError, match="client vita") as failed:
        await credentials(issuer, [0.0]).token()
    assert PASSWORD not in str(failed.value)
    assert "no token from" in str(failed.value)


def test_secrets_are_not_shown() -> None:
    """No representation of settings or access holds a secret."""
    for given in (SCRAM, BEARER):
        access = kafka_from(named(given))
        assert PASSWORD not in repr(access) + str(access)
        assert PASSWORD in json.dumps(access.environment())


def test_every_client_is_made_in_one_way() -> None:
    """No file names the brokers to a client by itself: security settings would be missing there."""
    folders = ("services", "deploy", "projections", "schemas", "tests")
    bare = [
        str(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if "bootstrap_servers" + "=" in path.read_text()
    ]
    assert bare == []
