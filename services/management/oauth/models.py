"""Requests of the token endpoint."""

from pydantic import BaseModel, Field


class TokenRequest(BaseModel):
    """Client credentials (RFC 6749 §4.4). The credentials may be sent with HTTP Basic authentication
    instead."""

    grant_type: str = Field(description="`client_credentials`.", examples=["client_credentials"])
    client_id: str | None = None
    client_secret: str | None = None
    audience: str | None = Field(None, description="The requested API. Defaults to the Management API.")
    scope: str | None = Field(None, description="A subset of the client's scopes, separated by spaces.")
