"""Settings of the Management API besides the shared ones; variables have the prefix `VITA_`."""

from pydantic import Field, field_validator

from services.management.limits.rate_limits import plan_of
from services.runtime.auth.issuers import ExternalIssuer
from services.runtime.settings import HttpSettings


class Settings(HttpSettings):
    """Read once, when the process starts."""

    http_port: int = Field(8080, ge=0, le=65535, description="Port to listen on.")
    token_issuer: str = Field(
        "http://127.0.0.1:8080/", description="`iss` of tokens: the public URL of management."
    )
    token_audience: str = Field("http://127.0.0.1:8080/api/v2/", description="`aud` of tokens.")
    external_issuers: tuple[ExternalIssuer, ...] = Field(
        (), description="Other issuers whose tokens are accepted, as a JSON array."
    )
    pool_connections: int = Field(
        8, ge=1, le=100, description="Database connections for everything except searches."
    )
    search_connections: int = Field(
        4,
        ge=1,
        le=100,
        description="Database connections for searches with a known plan, and as many again for all others;"
        " one tenant uses at most half of each.",
    )
    search_queue: int = Field(
        100,
        ge=1,
        description="Maximum number of a tenant's searches that wait for a connection; a further one is "
        "refused with 429.",
    )
    search_timeout_seconds: float = Field(
        2.0, gt=0, description="Maximum duration of a search; then the response is 503."
    )
    tenant_share: float = Field(
        0.25,
        gt=0,
        le=1,
        description="Share of one processor that the requests of one tenant may use while other tenants are"
        " active, searches in the database included; 1 sets no limit.",
    )
    view_wait_seconds: float = Field(
        5.0, gt=0, description="Maximum time that a write waits for the view; then the response is 202."
    )
    read_wait_seconds: float = Field(
        5.0, gt=0, description="Maximum time that a read waits for `Vita-At-Least`."
    )
    append_wait_seconds: float = Field(
        10.0, gt=0, description="Maximum time that a write waits for the event log."
    )
    body_limit_bytes: int = Field(
        1_048_576, gt=0, description="Maximum size of a request's body; a larger one is refused with 413."
    )
    idempotency_margin_seconds: float = Field(
        30.0, gt=0, description="Time beyond its waits that a request with an Idempotency-Key may take."
    )
    profile_limit_bytes: int = Field(
        1_048_576,
        gt=0,
        description="Maximum size of a profile as JSON; an edit that exceeds it is refused with 413.",
    )
    reservation_settle_seconds: float = Field(
        130.0,
        gt=0,
        description="Age at which the event of an unconfirmed reservation can no longer arrive on the log.",
    )
    reservation_sweep_seconds: float = Field(
        60.0, gt=0, description="Interval between searches for orphaned reservations."
    )
    log_margin_seconds: float = Field(
        1.0,
        ge=0,
        description="Delay of walks through the logs, which allows for differences between the clocks of "
        "brokers and service.",
    )
    rate_limits: str = Field(
        "generous",
        description="`generous`, `free`, `essentials` or `enterprise`, with changes as"
        " `,read_users=100/20` (burst / per second), or `off`.",
    )

    @field_validator("rate_limits")
    @classmethod
    def _is_a_plan(cls, text: str) -> str:
        plan_of(text)
        return text
