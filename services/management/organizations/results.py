"""Responses of the organizations endpoints, as the OpenAPI document describes them."""

from typing import Any

from pydantic import Field

from services.management.http.models.results import Result


class Organization(Result):
    """An organization."""

    id: str = Field(examples=["org_c5zI4XDdzzbD0qav"])
    name: str = Field(examples=["acme"])
    display_name: str = Field("", examples=["Acme Inc."])
    branding: dict[str, Any] = Field(default_factory=dict)
    metadata: dict[str, Any] = Field(default_factory=dict)
