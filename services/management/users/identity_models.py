"""Requests and responses of linking (fact sheet §9)."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from services.commands.links.link_target import PROVIDER_DESCRIPTION
from services.management.http.models.fields import Body, Given
from services.management.http.models.results import Result
from services.management.users.models import Text

AccountId = Annotated[
    str,
    BeforeValidator(lambda value: str(value) if type(value) is int else value),
    Field(min_length=1),
    WithJsonSchema({"type": ["string", "integer"], "minLength": 1}),
]
"""An identity provider's id of an account; some providers use integers."""


class LinkIdentity(Body):
    """The secondary account, given by provider and user id or by an ID token."""

    provider: Annotated[Text | None, Given] = Field(None, description=f"{PROVIDER_DESCRIPTION}.")
    user_id: Annotated[AccountId | None, Given] = Field(
        None, description="user_id of the secondary user account being linked."
    )
    connection_id: Annotated[Annotated[str, Field(pattern=r"^con_[A-Za-z0-9]{16}$")] | None, Given] = Field(
        None,
        description="connection_id of the secondary user account being linked when more than one auth0"
        " database provider exists.",
    )
    link_with: Annotated[Text | None, Given] = Field(
        None,
        description="JWT for the secondary account being linked. If sending this parameter, provider,"
        " user_id, and connection_id must not be sent.",
    )


class IdentityChange(Result):
    """A link or unlink in a user's history."""

    type: Literal["linked", "unlinked"]
    date: str = Field(json_schema_extra={"format": "date-time"})
    actor: str = Field(examples=["client:Xa1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p"])
    connection: str = Field(examples=["google-oauth2"])
    provider: str = Field(examples=["google-oauth2"])
    user_id: str | int = Field(examples=["117282391823912331"])
    means: Literal["admin", "token"] = "admin"
