"""Requests of the token endpoint."""

from pydantic import BaseModel, Field


class TokenRequest(BaseModel):
    """Client credentials (RFC 6749 §4.4); the credentials may come by HTTP Basic instead."""

    grant_type: str = Field(description="`client_credentials`.", examples=["client_credentials"])
    client_id: str | None = None
    client_secret: str | None = None
    audience: str | None = Field(None, description="The API the token is for; this one when not given.")
    scope: str | None = Field(None, description="Fewer scopes than the client has, separated by blanks.")
