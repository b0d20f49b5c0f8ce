"""Responses of the resource servers endpoints, as the OpenAPI document describes them."""

from pydantic import Field

from services.management.http.models.results import Result


class ScopeShown(Result):
    """A permission of an API."""

    value: str = Field(examples=["read:invoices"])
    description: str = Field("", examples=["Read invoices"])


class Api(Result):
    """An API and its permissions."""

    id: str = Field(examples=["64f0c2a19be3d7001c8f5a21"])
    name: str = Field("", examples=["Invoices"])
    identifier: str = Field(examples=["https://api.example.com"])
    is_system: bool = False
    scopes: list[ScopeShown] = Field(default_factory=list)
