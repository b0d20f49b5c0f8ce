"""Requests and results of authentication methods and enrolments (fact sheet §4.5)."""

from typing import Annotated, Final, Literal

from pydantic import Field, RootModel, model_validator
from pydantic_core import PydanticCustomError

from schemas.events.fields import SAFE
from schemas.formats.violations import RULE
from services.management.http.models.fields import Body, Email, Given, QueryInteger
from services.management.http.models.paging import OffsetPage
from services.management.http.models.results import Result

Preferred = Literal["sms", "voice"]
Name = Annotated[str, Field(min_length=1, max_length=255), SAFE]
ShortName = Annotated[str, Field(min_length=1, max_length=20), SAFE]
TotpSecret = Annotated[str, Field(pattern=r"^[A-Za-z2-7]{1,256}=*$")]
PhoneNumber = Annotated[str, Field(min_length=2, max_length=30)]
Text = Annotated[str, Field(min_length=1, max_length=4096)]
_NEEDED: Final = {
    "phone": ("phone_number",),
    "email": ("email",),
    "totp": ("totp_secret",),
    "webauthn-roaming": ("key_id", "public_key"),
    "passkey": ("key_id", "public_key"),
}
_NAME: Final = "A human-readable label to identify the authentication method."
_PHONE: Final = "Phone methods only: the number that receives codes by text message or voice call."
_EMAIL: Final = "Email methods only: the address that receives codes."
_TOTP: Final = "TOTP methods only: the base32 encoded secret."
_PREFERRED: Final = "Preferred phone authentication method."
_KEY: Final = "WebAuthn and passkey methods only."
_PASSKEY: Final = "Passkey methods only."


class FactorPage(OffsetPage):
    """A page of authentication methods."""

    per_page: Annotated[QueryInteger, Field(ge=0, le=100)] = Field(
        50, description="Number of results per page."
    )


class _Factor(Body):
    name: str | None
    phone_number: str | None
    email: str | None
    totp_secret: str | None
    preferred_authentication_method: Preferred | None
    type: str

    @model_validator(mode="after")
    def _whole(self) -> "_Factor":
        missing = next((name for name in _NEEDED[self.type] if getattr(self, name) is None), None)
        if missing is not None:
            raise PydanticCustomError(RULE, "Missing required property: {name}", {"name": missing})
        return self


class CreateFactor(_Factor):
    """A new authentication method."""

    type: Literal["phone", "email", "totp", "webauthn-roaming", "passkey"] = Field(
        description="Type of the authentication method."
    )
    name: Annotated[Name | None, Given] = Field(None, description=_NAME)
    totp_secret: Annotated[TotpSecret | None, Given] = Field(None, description=_TOTP)
    phone_number: Annotated[PhoneNumber | None, Given] = Field(
        None, description=_PHONE, examples=["+14155550123"]
    )
    email: Annotated[Email | None, Given] = Field(None, description=_EMAIL)
    preferred_authentication_method: Annotated[Preferred | None, Given] = Field(None, description=_PREFERRED)
    key_id: Annotated[Text | None, Given] = Field(None, description=_KEY)
    public_key: Annotated[Text | None, Given] = Field(None, description=_KEY)
    relying_party_identifier: Annotated[Text | None, Given] = Field(None, description=_KEY)
    aaguid: Annotated[Text | None, Given] = Field(None, description=_PASSKEY)
    credential_device_type: Annotated[Literal["single_device", "multi_device"] | None, Given] = Field(
        None, description=_PASSKEY
    )
    credential_backed_up: Annotated[bool | None, Given] = Field(None, description=_PASSKEY)
    identity_user_id: Annotated[Text | None, Given] = Field(None, description=_PASSKEY)
    user_agent: Annotated[Text | None, Given] = Field(None, description=_PASSKEY)
    user_handle: Annotated[Text | None, Given] = Field(None, description=_PASSKEY)
    transports: Annotated[Annotated[tuple[Text, ...], Field(max_length=20, strict=False)] | None, Given] = (
        Field(None, description=_PASSKEY)
    )


class SetFactor(_Factor):
    """An authentication method in the list that replaces all others."""

    type: Literal["phone", "email", "totp"] = Field(description="Type of the authentication method.")
    preferred_authentication_method: Annotated[Preferred | None, Given] = Field(None, description=_PREFERRED)
    name: Annotated[ShortName | None, Given] = Field(None, description=_NAME)
    phone_number: Annotated[PhoneNumber | None, Given] = Field(
        None, description=_PHONE, examples=["+14155550123"]
    )
    email: Annotated[Email | None, Given] = Field(None, description=_EMAIL)
    totp_secret: Annotated[TotpSecret | None, Given] = Field(None, description=_TOTP)


class SetFactors(RootModel[list[SetFactor]]):
    """The authentication methods that replace all others."""


class UpdateFactor(Body):
    """The properties to change."""

    at_least = 1
    name: Annotated[Name | None, Given] = Field(None, description=_NAME, examples=["Work phone"])
    preferred_authentication_method: Annotated[Preferred | None, Given] = Field(None, description=_PREFERRED)


class Method(Result):
    """A way in which codes are delivered."""

    id: str = Field(examples=["sms|dev_kXVq4drj3Mw6uCF5"])
    type: str = Field(examples=["sms"])


class FactorResult(Result):
    """An authentication method. Addresses are masked."""

    id: str = Field(examples=["email|dev_f0O81fTcftc0kN2v"])
    type: str = Field(examples=["email"])
    confirmed: bool = True
    name: str = ""
    email: str = Field("", examples=["chuc****@exam*******"])
    phone_number: str = ""
    created_at: str = Field(json_schema_extra={"format": "date-time"})
    preferred_authentication_method: str = ""
    authentication_methods: list[Method] = Field(default_factory=list)


class FactorList(Result):
    """A page of authentication methods. An empty page has no total."""

    authenticators: list[FactorResult]
    total: int = 0
    start: int
    limit: int


class Enrollment(Result):
    """An enrolment in multi-factor authentication."""

    id: str
    status: str = Field(examples=["confirmed"])
    type: str
    name: str = ""
    identifier: str = ""
    phone_number: str = ""
    auth_method: str = Field(examples=["authenticator"])
    enrolled_at: str = Field(json_schema_extra={"format": "date-time"})


class RecoveryCode(Result):
    """The new recovery code, which is shown only in this response."""

    recovery_code: str = Field(examples=["W8KF3J29XQLZP0VTB7M1ACYE"])
