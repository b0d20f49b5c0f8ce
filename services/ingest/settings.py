"""Settings of ingest besides the shared ones; variables have the prefix `VITA_`."""

from pydantic import Field

from services.ledger.keys.login_signing import LoginSigningSettings
from services.runtime.auth.issuers import ExternalIssuer
from services.runtime.settings import HttpSettings, RuntimeSettings, metrics_port_field


class Settings(HttpSettings, LoginSigningSettings):
    """Read once, when the process starts. Ingest decrypts no data, so it needs no key provider."""

    key_provider: str = Field("", description=RuntimeSettings.model_fields["key_provider"].description)
    http_port: int = Field(8081, ge=0, le=65535, description="Port to listen on.")
    metrics_port: int = metrics_port_field(9465)
    token_issuer: str = Field(
        "http://127.0.0.1:8080/", description="`iss` of tokens: the public URL of management."
    )
    token_audience: str = Field("http://127.0.0.1:8080/api/v2/", description="`aud` of tokens.")
    external_issuers: tuple[ExternalIssuer, ...] = Field(
        (), description="Other issuers whose tokens are accepted, as a JSON array."
    )
    ack_seconds: float = Field(
        10.0, gt=0, description="Maximum time that a request waits for Kafka's acknowledgement."
    )
    drain_seconds: float = Field(
        15.0, gt=0, description="Maximum time that a stopping process waits for Kafka."
    )
    check_connections: int = Field(
        4, gt=0, description="Database connections for login checks; further checks wait for one."
    )
    check_seconds: float = Field(
        1.0,
        gt=0,
        description="Maximum time that a login check waits for the database; then the response is 503.",
    )
