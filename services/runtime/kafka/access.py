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
class KafkaAccess:
    """The brokers and one identity; valid combinations are those that `KafkaSettings` accepts."""

    bootstrap: str
    protocol: Protocol = "PLAINTEXT"
    mechanism: Mechanism | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    oauth: OAuthClient | None = None

    @property
    def uses_tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.protocol in ("SSL", "SASL_SSL")

    @property
    def uses_sasl(self) -> bool:
        """Whether the client authenticates by SASL."""
        return self.protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    def as_user(self, username: str, password: str, mechanism: Mechanism | None = None) -> "KafkaAccess":
        """The same brokers with the credentials of another user; None keeps the mechanism."""
        return replace(
            self,
            username=username,
            password=password,
            mechanism=mechanism or self.mechanism,
            certificate=None,
            key=None,
            oauth=None,
        )

    def ssl_context(self) -> ssl.SSLContext | None:
        """The TLS context, made once; None without TLS. Raises OSError or ValueError for an unusable file."""
        return _ssl_context(self.ca, self.certificate, self.key) if self.uses_tls else None

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments by which aiokafka's clients connect."""
        provider = None if self.oauth is None else provider_of(self.oauth)
        return {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.protocol,
            "ssl_context": self.ssl_context(),
            "sasl_mechanism": self.mechanism or "PLAIN",
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
            "sasl_oauth_token_provider": provider,
        }

    def broker_arguments(self) -> dict[str, Any]:
        """The keyword arguments by which FastStream's KafkaBroker connects."""
        provider = None if self.oauth is None else provider_of(self.oauth)
        return {
            "bootstrap_servers": self.bootstrap,
            "security": self._security(),
            "sasl_oauth_token_provider": provider,
        }

    def environment(self) -> dict[str, str]:
        """The variables from which `KafkaSettings` reads this access again."""
        oauth = self.oauth
        values: dict[str, object] = {
            "BOOTSTRAP": self.bootstrap,
            "SECURITY_PROTOCOL": self.protocol,
            "SASL_MECHANISM": self.mechanism,
            "USERNAME": self.username,
            "PASSWORD": self.password,
            "CA": self.ca,
            "CERTIFICATE": self.certificate,
            "KEY": self.key,
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
        if self.oauth is not None:
            return security.SASLOAuthBearer(ssl_context=context)
        kind = {
            "SCRAM-SHA-256": security.SASLScram256,
            "SCRAM-SHA-512": security.SASLScram512,
        }.get(self.mechanism or "PLAIN", security.SASLPlaintext)
        return kind(username=self.username or "", password=self.password or "", ssl_context=context)


@cache
def _ssl_context(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """Trusts the authority in `ca`, or the public ones when None is given."""
    context: ssl.SSLContext = create_ssl_context(
        cafile=ca and str(ca), certfile=certificate and str(certificate), keyfile=key and str(key)
    )
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
