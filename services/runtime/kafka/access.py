"""How every Kafka client of Vita connects: the addresses of the brokers, the protocol and the credentials.

There is one way to make a client: `AIOKafkaConsumer(**kafka.arguments(), …)`, the same for producers and
administrators, and `KafkaBroker(**kafka.broker_arguments(), …)` for FastStream.
"""

import ssl
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from aiokafka.helpers import create_ssl_context

from services.runtime.kafka import record_batches as record_batches  # every consumer reads any batch
from services.runtime.kafka.oauth_tokens import OAuthClient, provider_of

if TYPE_CHECKING:
    from faststream.security import BaseSecurity

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN", "OAUTHBEARER"]

SCRAM: Final = ("SCRAM-SHA-256", "SCRAM-SHA-512")


@dataclass(frozen=True, slots=True)
class SaslCredentials:
    """A user and password for SCRAM or PLAIN, or a client for OAUTHBEARER."""

    mechanism: Mechanism | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    oauth: OAuthClient | None = None


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the authorities of the brokers (None for the system's), and the client's certificate and
    key."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """The brokers and one identity; valid combinations are those that `KafkaSettings` accepts."""

    bootstrap: str
    protocol: Protocol = "PLAINTEXT"
    sasl: SaslCredentials = SaslCredentials()
    tls: TlsFiles = TlsFiles()

    @property
    def uses_tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.protocol in ("SSL", "SASL_SSL")

    @property
    def uses_sasl(self) -> bool:
        """Whether the client authenticates by SASL."""
        return self.protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    def as_user(self, username: str, password: str, mechanism: Mechanism | None = None) -> "KafkaAccess":
        """Return the access of another user to these brokers; None keeps the mechanism."""
        return replace(
            self,
            sasl=SaslCredentials(mechanism or self.sasl.mechanism, username, password),
            tls=TlsFiles(self.tls.ca),
        )

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return the TLS context, made once; None without TLS. Raises OSError or ValueError for an unusable
        file."""
        return _ssl_context(self.tls) if self.uses_tls else None

    def arguments(self) -> dict[str, Any]:
        """Return the keyword arguments with which aiokafka's clients connect."""
        provider = None if self.sasl.oauth is None else provider_of(self.sasl.oauth)
        return {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.protocol,
            "ssl_context": self.ssl_context(),
            "sasl_mechanism": self.sasl.mechanism or "PLAIN",
            "sasl_plain_username": self.sasl.username,
            "sasl_plain_password": self.sasl.password,
            "sasl_oauth_token_provider": provider,
        }

    def broker_arguments(self) -> dict[str, Any]:
        """Return the keyword arguments with which FastStream's KafkaBroker connects."""
        provider = None if self.sasl.oauth is None else provider_of(self.sasl.oauth)
        return {
            "bootstrap_servers": self.bootstrap,
            "security": self._security(),
            "sasl_oauth_token_provider": provider,
        }

    def environment(self) -> dict[str, str]:
        """Return the variables from which `KafkaSettings` reads this access."""
        sasl, oauth = self.sasl, self.sasl.oauth
        values: dict[str, object] = {
            "BOOTSTRAP": self.bootstrap,
            "SECURITY_PROTOCOL": self.protocol,
            "SASL_MECHANISM": sasl.mechanism,
            "USERNAME": sasl.username,
            "PASSWORD": sasl.password,
            "CA": self.tls.ca,
            "CERTIFICATE": self.tls.certificate,
            "KEY": self.tls.key,
            "OAUTH_TOKEN_URL": oauth and oauth.token_url,
            "OAUTH_CLIENT_ID": oauth and oauth.client_id,
            "OAUTH_CLIENT_SECRET": oauth and oauth.client_secret,
            "OAUTH_SCOPE": oauth and oauth.scope,
        }
        return {f"VITA_KAFKA_{name}": str(value) for name, value in values.items() if value}

    def _security(self) -> "BaseSecurity":
        from faststream import security

        context = self.ssl_context()
        if not self.uses_sasl:
            return security.BaseSecurity(ssl_context=context)
        if self.sasl.oauth is not None:
            return security.SASLOAuthBearer(ssl_context=context)
        kind = {
            "SCRAM-SHA-256": security.SASLScram256,
            "SCRAM-SHA-512": security.SASLScram512,
        }.get(self.sasl.mechanism or "PLAIN", security.SASLPlaintext)
        return kind(username=self.sasl.username or "", password=self.sasl.password or "", ssl_context=context)


@cache
def _ssl_context(files: TlsFiles) -> ssl.SSLContext:
    context: ssl.SSLContext = create_ssl_context(
        cafile=files.ca and str(files.ca),
        certfile=files.certificate and str(files.certificate),
        keyfile=files.key and str(files.key),
    )
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
