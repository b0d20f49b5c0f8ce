"""Settings every service shares, read once from the environment at the process edge."""

from pathlib import Path
from typing import Literal, NamedTuple, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.topics import Topic


class RuntimeSettings(BaseSettings):
    """Where the parts are. Variables carry the prefix `VITA_`."""

    model_config = SettingsConfigDict(env_prefix="VITA_", frozen=True, extra="ignore")

    kafka_bootstrap: str = Field(description="Kafka bootstrap servers, `host:port[,host:port]`.")
    database_url: SecretStr = Field(description="PostgreSQL address with this service's own role.")
    key_provider: str = Field(description="Key-encryption key: `file:<path>` or `env:<variable>`.")
    topic_prefix: str = Field("", description="Put before every physical topic name.")
    log_format: Literal["console", "json"] = "json"

    def topic(self, topic: Topic) -> str:
        """The physical name of a topic."""
        return self.topic_prefix + topic.value


class Tls(NamedTuple):
    """PEM files: a certificate with its chain, and its private key."""

    certificate: Path
    key: Path


class HttpSettings(RuntimeSettings):
    """What a service that answers HTTP needs besides."""

    http_host: str = "127.0.0.1"
    tls_certificate: Path | None = Field(None, description="Serve HTTPS with this PEM file (and its chain).")
    tls_key: Path | None = Field(None, description="The certificate's private key, a PEM file.")

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
