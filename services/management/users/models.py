"""Requests of the users endpoints (fact sheet §3.1, §3.5, §4.1, §4.3)."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.events.fields import SAFE
from services.management.http.models.fields import (
    AppMetadata,
    Body,
    Email,
    Given,
    Picture,
    QueryBoolean,
    QueryInteger,
    UserMetadata,
)
from services.management.http.models.query import Selected

Name = Annotated[str, Field(min_length=1, max_length=300)]
GivenName = Annotated[str, Field(min_length=1, max_length=150)]
PhoneNumber = Annotated[str, Field(pattern=r"^\+[0-9]{1,15}$")]
Text = Annotated[str, Field(min_length=1)]
Username = Annotated[str, Field(min_length=1, max_length=128), SAFE]

EMAIL = "The user's email."
PHONE_NUMBER = "The user's phone number (following the E.164 recommendation)."
BLOCKED = "Whether this user was blocked by an administrator (true) or not (false)."
PHONE_VERIFIED = "Whether this phone number has been verified (true) or not (false)."
PICTURE = "A URI pointing to the user's picture."
USER_METADATA = "User metadata to which this user has read/write access."
APP_METADATA = "User metadata to which this user has read-only access."


class CreateUser(Body):
    """A new user of a database or passwordless connection."""

    connection: Text = Field(
        description="Name of the connection this user should be created in.",
        examples=["Username-Password-Authentication"],
    )
    email: Annotated[Email | None, Given] = Field(None, description=EMAIL, examples=["jane@example.com"])
    phone_number: Annotated[PhoneNumber | None, Given] = Field(None, description=PHONE_NUMBER)
    username: Annotated[Username | None, Given] = Field(
        None, description="The user's username. Only valid if the connection requires a username."
    )
    password: Annotated[Text | None, Given] = Field(
        None,
        description="Initial password for this user. Only valid for auth0 connection strategy.",
        examples=["Correct-horse-9"],
    )
    user_id: Annotated[Annotated[str, Field(max_length=255, pattern=r"^\S*$"), SAFE] | None, Given] = Field(
        None, description="The external user's id provided by the identity provider."
    )
    email_verified: Annotated[bool | None, Given] = Field(
        None, description="Whether this email address is verified (true) or unverified (false)."
    )
    phone_verified: Annotated[bool | None, Given] = Field(None, description=PHONE_VERIFIED)
    verify_email: Annotated[bool | None, Given] = Field(
        None, description="Whether the user will receive a verification email after creation (true) or not."
    )
    blocked: Annotated[bool | None, Given] = Field(None, description=BLOCKED)
    given_name: Annotated[GivenName | None, Given] = Field(None, description="The user's given name(s).")
    family_name: Annotated[GivenName | None, Given] = Field(None, description="The user's family name(s).")
    name: Annotated[Name | None, Given] = Field(None, description="The user's full name.")
    nickname: Annotated[Name | None, Given] = Field(None, description="The user's nickname.")
    picture: Annotated[Picture | None, Given] = Field(None, description=PICTURE)
    user_metadata: Annotated[UserMetadata | None, Given] = Field(None, description=USER_METADATA)
    app_metadata: Annotated[AppMetadata | None, Given] = Field(None, description=APP_METADATA)


class UpdateUser(Body):
    """The properties to change; null removes a value where that is allowed. Metadata is merged at the first
    level."""

    at_least = 1

    blocked: Annotated[bool | None, Given] = Field(None, description=BLOCKED)
    email_verified: Annotated[bool | None, Given] = Field(
        None, description="Whether this email address is verified (true) or unverified (false)."
    )
    email: Email | None = Field(None, description="Email address of this user.")
    phone_number: PhoneNumber | None = Field(None, description=PHONE_NUMBER)
    phone_verified: Annotated[bool | None, Given] = Field(None, description=PHONE_VERIFIED)
    user_metadata: Annotated[UserMetadata | None, Given] = Field(None, description=USER_METADATA)
    app_metadata: Annotated[AppMetadata | None, Given] = Field(
        None, description=APP_METADATA, examples=[{"plan": "gold"}]
    )
    given_name: GivenName | None = Field(None, description="Given name/first name/forename of this user.")
    family_name: GivenName | None = Field(None, description="Family name/last name/surname of this user.")
    name: Name | None = Field(None, description="Name of this user.", examples=["Jane Doe"])
    nickname: Name | None = Field(None, description="Preferred nickname or alias of this user.")
    picture: Picture | None = Field(None, description="URL to picture, photo, or avatar of this user.")
    verify_email: Annotated[bool | None, Given] = Field(
        None, description="Whether this user will receive a verification email (true) or not."
    )
    verify_phone_number: Annotated[bool | None, Given] = Field(
        None, description="Whether this user will receive a text (true) or not."
    )
    password: Text | None = Field(None, description="New password for this user.")
    connection: Annotated[Text | None, Given] = Field(
        None, description="Name of the connection to target for this user update."
    )
    client_id: Annotated[Text | None, Given] = Field(
        None, description="Auth0 client ID. Only valid when updating email address."
    )
    username: Username | None = Field(
        None, description="Username of this user. Only valid if the connection requires one."
    )


class ListUsers(Selected):
    """A page of all users or of those that match a query, by number or after a cursor."""

    page: Annotated[QueryInteger, Field(ge=0)] = Field(
        0, description="Page index of the results to return. First page is 0."
    )
    per_page: Annotated[QueryInteger, Field(ge=0, le=100)] = Field(
        50, description="Number of results per page."
    )
    include_totals: QueryBoolean = Field(
        False,
        description="Return results inside an object with the total count (true) or as an array (false).",
    )
    after: str | None = Field(None, alias="from", description="The cursor `next` of the previous page.")
    take: Annotated[QueryInteger, Field(ge=1, le=100)] | None = Field(
        None, description="Number of results per page. Defaults to 50."
    )
    cursor: str | None = Field(
        None,
        description="Pages through all results: `*` for the first page, then `next` of the previous page."
        " Pages have `take` or `per_page` results.",
    )
    sort: str | None = Field(
        None, description="Field to sort by: field:1 for ascending and field:-1 for descending."
    )
    connection: str | None = Field(None, description="Only users with an identity of this connection.")
    q: str | None = Field(None, description="Query in Lucene query string syntax.")
    search_engine: Literal["v1", "v2", "v3"] | None = Field(
        None, description="The version of the search engine."
    )
    primary_order: QueryBoolean = Field(
        True, description="If true (default), results are returned in a deterministic order."
    )
    explain: QueryBoolean = Field(
        False, description="Return how the query would be executed instead of its results."
    )


class UsersByEmail(Selected):
    """The email address to search for."""

    email: Email = Field(description="Email address to search for (case-sensitive).")
