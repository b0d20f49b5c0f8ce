"""Settings every service shares, read once from the environment at the process edge."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from schemas.topics import Topic
from services.runtime.addresses import check_bootstrap, check_database_url
from services.runtime.http.request_bodies import Pace
from services.runtime.http.tls import Tls
from services.runtime.kafka.access import KafkaAccess, Mechanism, Protocol, SaslCredentials, TlsFiles
from services.runtime.kafka.oauth_tokens import OAuthClient
from services.runtime.operations import OperationsAddress

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class KafkaSettings(BaseSettings):
    """Where Kafka is and who connects to it. Variables carry the prefix `VITA_`; an empty one is not set."""

    model_config = SettingsConfigDict(
        env_prefix="VITA_", frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    kafka_bootstrap: str = Field(description="Kafka bootstrap servers, `host:port[,host:port]`.")
    kafka_security_protocol: Protocol = Field(
        "PLAINTEXT", description="`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`."
    )
    kafka_sasl_mechanism: Mechanism | None = Field(
        None,
        description="With SASL: `SCRAM-SHA-256`, `SCRAM-SHA-512`, `PLAIN` or `OAUTHBEARER`.",
    )
    kafka_username: str | None = Field(None, description="User for SCRAM or PLAIN.")
    kafka_password: SecretStr | None = Field(None, description="Password for SCRAM or PLAIN.")
    kafka_ca: Path | None = Field(
        None, description="PEM file with the certificate authorities of the brokers; by default the system's."
    )
    kafka_certificate: Path | None = Field(None, description="PEM file with the client certificate.")
    kafka_key: Path | None = Field(None, description="PEM file with the client certificate's private key.")
    kafka_oauth_token_url: str | None = Field(
        None, description="Token endpoint for OAUTHBEARER (client credentials grant)."
    )
    kafka_oauth_client_id: str | None = Field(None, description="Client id for OAUTHBEARER.")
    kafka_oauth_client_secret: SecretStr | None = Field(None, description="Client secret for OAUTHBEARER.")
    kafka_oauth_scope: str | None = Field(None, description="Scope to request with OAUTHBEARER.")

    @field_validator("kafka_bootstrap")
    @classmethod
    def _lists_brokers(cls, value: str) -> str:
        check_bootstrap(value)
        return value

    @property
    def kafka(self) -> KafkaAccess:
        """How a client connects."""
        secret = self.kafka_oauth_client_secret
        oauth = None
        if self.kafka_oauth_token_url and self.kafka_oauth_client_id and secret:
            oauth = OAuthClient(
                self.kafka_oauth_token_url,
                self.kafka_oauth_client_id,
                secret.get_secret_value(),
                self.kafka_oauth_scope,
            )
        return KafkaAccess(
            bootstrap=self.kafka_bootstrap,
            protocol=self.kafka_security_protocol,
            sasl=SaslCredentials(
                mechanism=self.kafka_sasl_mechanism,
                username=self.kafka_username,
                password=None if self.kafka_password is None else self.kafka_password.get_secret_value(),
                oauth=oauth,
            ),
            tls=TlsFiles(self.kafka_ca, self.kafka_certificate, self.kafka_key),
        )

    @model_validator(mode="after")
    def _is_a_valid_combination(self) -> Self:
        self._check_sasl()
        self._check_tls()
        return self

    def _check_sasl(self) -> None:
        protocol, mechanism = self.kafka_security_protocol, self.kafka_sasl_mechanism
        password_given = self._given("username", "password")
        oauth_given = self._given("oauth_token_url", "oauth_client_id", "oauth_client_secret")
        if not protocol.startswith("SASL_"):
            self._refuse(
                [*self._given("sasl_mechanism"), *password_given, *oauth_given, *self._given("oauth_scope")],
                f"needs VITA_KAFKA_SECURITY_PROTOCOL=SASL_SSL or SASL_PLAINTEXT; it is {protocol}",
            )
        elif mechanism is None:
            raise ValueError(f"{protocol} needs VITA_KAFKA_SASL_MECHANISM")
        elif mechanism == "OAUTHBEARER":
            self._refuse(password_given, "is not used by OAUTHBEARER")
            self._need(mechanism, "oauth_token_url", "oauth_client_id", "oauth_client_secret")
            self._check_token_url()
        else:
            self._refuse([*oauth_given, *self._given("oauth_scope")], f"is not used by {mechanism}")
            self._need(mechanism, "username", "password")

    def _check_token_url(self) -> None:
        url = urlsplit(self.kafka_oauth_token_url or "")
        if url.scheme != "https" and not (url.scheme == "http" and url.hostname in _LOOPBACK):
            raise ValueError("VITA_KAFKA_OAUTH_TOKEN_URL must be an https address")

    def _check_tls(self) -> None:
        protocol = self.kafka_security_protocol
        given = self._given("ca", "certificate", "key")
        if not protocol.endswith("SSL"):
            self._refuse(given, f"needs VITA_KAFKA_SECURITY_PROTOCOL=SSL or SASL_SSL; it is {protocol}")
            return
        if (self.kafka_certificate is None) != (self.kafka_key is None):
            raise ValueError("VITA_KAFKA_CERTIFICATE and VITA_KAFKA_KEY are given together or not at all")
        try:
            self.kafka.ssl_context()
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{', '.join(given)}: the PEM files cannot be used ({type(error).__name__}: {error})"
            ) from None

    def _given(self, *names: str) -> list[str]:
        """The variables among these that have a value."""
        return [f"VITA_KAFKA_{name.upper()}" for name in names if getattr(self, f"kafka_{name}") is not None]

    def _need(self, mechanism: str, *names: str) -> None:
        wanted = [f"VITA_KAFKA_{name.upper()}" for name in names]
        missing = [name for name in wanted if name not in self._given(*names)]
        if missing:
            raise ValueError(f"{mechanism} needs {' and '.join(missing)}")

    def _refuse(self, given: list[str], reason: str) -> None:
        if given:
            raise ValueError(f"{', '.join(given)} {reason}")


class RuntimeSettings(KafkaSettings):
    """Where the parts are."""

    database_url: SecretStr = Field(description="PostgreSQL URL with this service's own role.")
    key_provider: str = Field(description="Key-encryption key: `file:<path>` or `env:<variable>`.")
    topic_prefix: str = Field("", description="Prefix of every physical topic name.")
    log_format: Literal["console", "json"] = Field(
        "json", description="Format of log lines: `json`, or `console` for reading in a terminal."
    )
    watchdog_seconds: float = Field(
        60.0, gt=0, description="Time without progress, while records wait, after which a worker ends."
    )

    metrics_host: str = Field(
        "127.0.0.1", description="Address to listen on for `/metrics`, `/livez` and `/readyz`."
    )
    metrics_port: int = Field(
        9464,
        ge=0,
        le=65535,
        description="Port for `/metrics`, `/livez` and `/readyz`; 0 is any free port, which is logged.",
    )

    @field_validator("database_url")
    @classmethod
    def _is_an_address(cls, value: SecretStr) -> SecretStr:
        check_database_url(value.get_secret_value())
        return value

    @property
    def operations(self) -> OperationsAddress:
        """Where operators read metrics and ask for health."""
        return OperationsAddress(self.metrics_host, self.metrics_port)

    def topic(self, topic: Topic) -> str:
        """The physical name of a topic."""
        return self.topic_prefix + topic.value


class QuarantineSettings(RuntimeSettings):
    """What a worker that quarantines records needs besides."""

    dead_letters_per_hour: int = Field(
        10_000,
        gt=0,
        description="Maximum number of records of a topic that may be quarantined within an hour before the "
        "worker stops. Those that were replayed or dropped do not count.",
    )


class HttpSettings(RuntimeSettings):
    """What a service that answers HTTP needs besides."""

    http_host: str = Field("127.0.0.1", description="Address to listen on.")
    tls_certificate: Path | None = Field(
        None, description="PEM file with the server's certificate and its chain; enables HTTPS."
    )
    tls_key: Path | None = Field(None, description="PEM file with the server certificate's private key.")

    in_flight_bytes: int = Field(
        64 * 1024 * 1024,
        gt=0,
        description="Maximum bytes of request bodies that a process holds in memory. One client may use a "
        "third and one tenant half; a request beyond that is refused with 429.",
    )
    body_seconds: float = Field(
        30.0,
        gt=0,
        description="Maximum time in which a request's body must arrive; a slower one is refused with 408.",
    )
    body_bytes_per_second: int = Field(
        4096,
        ge=0,
        description="Minimum rate at which a request's body must arrive, over any five seconds; a slower "
        "one is refused with 408.",
    )

    @property
    def pace(self) -> Pace:
        """How slowly a request's body may arrive."""
        return Pace(self.body_seconds, self.body_bytes_per_second)

    @property
    def tls(self) -> Tls | None:
        """None for plain HTTP."""
        if self.tls_certificate is None or self.tls_key is None:
            return None
        return Tls(self.tls_certificate, self.tls_key)

    @model_validator(mode="after")
    def _has_both_or_none(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("a certificate needs its key, and a key its certificate")
        return self


def metrics_port_field(default: int) -> Any:
    """Return the field `metrics_port` of a service with another default."""
    described = RuntimeSettings.model_fields["metrics_port"].description
    return Field(default, ge=0, le=65535, description=described)


KAFKA_VARIABLES: Final = frozenset(f"VITA_{name.upper()}" for name in KafkaSettings.model_fields)


class _GivenKafka(KafkaSettings):
    """Reads what it is given and not the environment of this process."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The arguments alone."""
        return (init_settings,)


def kafka_from(environment: Mapping[str, str]) -> KafkaAccess:
    """The access that these variables describe. Raises ValidationError; see `sentences`."""
    given = {name.removeprefix("VITA_").lower(): value for name, value in environment.items() if value}
    return _GivenKafka(**{name: given[name] for name in KafkaSettings.model_fields if name in given}).kafka  # type: ignore[arg-type]


def sentences(error: ValidationError) -> str:
    """What is wrong with the settings, by variable and without any value."""
    return "; ".join(_sentence(dict(one)) for one in error.errors(include_input=False, include_url=False))


def _sentence(problem: Mapping[str, Any]) -> str:
    text = str(problem["msg"]).removeprefix("Value error, ")
    where = "_".join(str(part) for part in problem["loc"]).upper()
    return f"VITA_{where}: {text}" if where else text
