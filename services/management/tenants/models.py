"""Requests and responses of tenant settings."""

from typing import Annotated, Any

from pydantic import Field

from projections.normalization.defaults import PictureChoice
from projections.setting.fold import MAX_RETENTION_DAYS
from schemas.events.fields import SAFE
from services.management.http.models.fields import Body
from services.management.http.models.results import Result


class KeptByTenants(Body):
    """Tenant settings that have no effect. They are stored and returned as sent; null removes a setting."""

    acr_values_supported: list[str] | None = None
    allow_organization_name_in_authentication_api: bool | None = None
    access_token: dict[str, Any] | None = None
    allowed_logout_urls: list[str] | None = None
    authorization_response_iss_parameter_supported: bool | None = None
    change_password: dict[str, Any] | None = None
    client_id_metadata_document_dynamic_registration_supported: bool | None = None
    client_id_metadata_document_supported: bool | None = None
    country_codes: dict[str, Any] | None = None
    customize_mfa_in_postlogin_action: bool | None = None
    default_audience: str | None = None
    default_directory: str | None = None
    default_redirection_uri: str | None = None
    default_token_quota: dict[str, Any] | None = None
    device_flow: dict[str, Any] | None = None
    dpop_strict_refresh_token_binding: bool | None = None
    dynamic_client_registration_security_mode: str | None = None
    enable_ai_guide: bool | None = None
    enabled_locales: list[str] | None = None
    ephemeral_session_lifetime: int | float | None = None
    ephemeral_session_lifetime_in_minutes: int | float | None = None
    error_page: dict[str, Any] | None = None
    flags: dict[str, Any] | None = None
    guardian_mfa_page: dict[str, Any] | None = None
    idle_ephemeral_session_lifetime: int | float | None = None
    idle_ephemeral_session_lifetime_in_minutes: int | float | None = None
    idle_session_lifetime: int | float | None = None
    idle_session_lifetime_in_minutes: int | float | None = None
    include_session_metadata_in_tenant_logs: bool | None = None
    legacy_sandbox_version: str | None = None
    mtls: dict[str, Any] | None = None
    oidc_logout: dict[str, Any] | None = None
    phone_consolidated_experience: bool | None = None
    picture_url: str | None = None
    pushed_authorization_requests_supported: bool | None = None
    resource_parameter_profile: str | None = None
    sandbox_version: str | None = None
    security_headers: dict[str, Any] | None = None
    session_cookie: dict[str, Any] | None = None
    session_lifetime: int | float | None = None
    session_lifetime_in_minutes: int | float | None = None
    sessions: dict[str, Any] | None = None
    skip_non_verifiable_callback_uri_confirmation_prompt: bool | None = None


class UpdateTenantSettings(KeptByTenants):
    """The settings to change; null removes a setting."""

    at_least = 1

    friendly_name: Annotated[str, Field(max_length=300), SAFE] | None = Field(
        None, description="Name shown to users."
    )
    support_email: Annotated[str, Field(max_length=254)] | None = Field(
        None, description="Support email address shown to users."
    )
    support_url: Annotated[str, Field(max_length=2048)] | None = Field(
        None, description="URL of the support page shown to users."
    )
    log_retention_days: Annotated[int, Field(ge=1, le=MAX_RETENTION_DAYS)] | None = Field(
        None, description="Number of days for which log entries are available; null for no limit."
    )
    user_restore_days: Annotated[int, Field(ge=0, le=MAX_RETENTION_DAYS)] | None = Field(
        None, description="For how many days a deleted user can be restored; null for 30, 0 for not at all."
    )
    default_picture: PictureChoice | None = Field(
        None,
        description="The picture of people without one: `gravatar`, whose address holds the MD5 of the e-mail"
        " address; `initials`, an image served by Vita; or `none`. Null for `gravatar`.",
    )


class TenantSettings(Result):
    """A tenant's settings."""

    friendly_name: str | None = None
    support_email: str | None = None
    support_url: str | None = None
    log_retention_days: int | None = None
    user_restore_days: int | None = None
    default_picture: PictureChoice | None = None
