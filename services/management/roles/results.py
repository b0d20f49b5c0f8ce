"""Responses of the roles endpoints, as the OpenAPI document describes them."""

from typing import Literal

from pydantic import Field

from services.management.http.models.results import Result


class Role(Result):
    """A role."""

    id: str = Field(examples=["rol_c5zI4XDdzzbD0qav"])
    name: str = Field(examples=["Reader"])
    description: str | None = Field(examples=["May read everything"])
    type: str = Field(examples=["tenant"])


class PermissionShown(Result):
    """A permission with its API."""

    permission_name: str = Field(examples=["read:invoices"])
    description: str | None = Field(examples=["Read invoices"])
    resource_server_name: str = Field(examples=["Invoices"])
    resource_server_identifier: str = Field(examples=["https://api.example.com"])


class PermissionSource(Result):
    """A source of a user's permission. For a direct assignment, id and name are empty."""

    source_id: str = Field(examples=["rol_c5zI4XDdzzbD0qav"])
    source_name: str = Field(examples=["Reader"])
    source_type: Literal["DIRECT", "ROLE"] = Field(examples=["ROLE"])


class UserPermission(PermissionShown):
    """A permission of a user."""

    sources: list[PermissionSource]


class EffectivePermission(PermissionShown):
    """A permission of a user with its sources."""

    sources: list[Literal["direct", "roles"]] = Field(examples=[["roles"]])


class EffectiveRole(Role):
    """A role of a user with its sources."""

    sources: list[Literal["direct", "groups"]] = Field(examples=[["direct"]])


class Member(Result):
    """A user who has a role or belongs to an organization."""

    user_id: str = Field("", examples=["auth0|63d17c4a8869daf88ed7db97"])
    email: str = Field("", examples=["jane@example.com"])
    picture: str = ""
    name: str = Field("", examples=["Jane Doe"])
