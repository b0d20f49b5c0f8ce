"""What people do with sessions, refresh tokens and factors, for Hypothesis."""

from typing import Any

from hypothesis import strategies as st

from schemas.events import (
    DeviceCredentialCreated,
    DeviceCredentialCreatedData,
    DeviceCredentialRemoved,
    DeviceCredentialRemovedData,
    GrantRevoked,
    GrantRevokedData,
    MfaChanged,
    MfaChangedData,
    MfaEnrolled,
    MfaEnrolledData,
    MfaRemoved,
    MfaRemovedData,
    RecoveryCodeRegenerated,
    RecoveryCodeRegeneratedData,
    RefreshTokenChanged,
    RefreshTokenChangedData,
    RefreshTokenRevoked,
    RefreshTokenRevokedData,
    RememberedBrowsersInvalidated,
    RememberedBrowsersInvalidatedData,
    RiskAssessmentCleared,
    RiskAssessmentClearedData,
    SessionChanged,
    SessionChangedData,
    SessionRevoked,
    SessionRevokedData,
)

EXPIRY = "2026-12-01T00:00:00.000Z"
sessions = st.sampled_from(["s1", "ж"])
tokens = st.sampled_from(["t1", "t2"])
clients = st.sampled_from(["app", "other"])
credentials = st.sampled_from(["dcr_0000000000000001", "dcr_0000000000000002"])
factor_ids = st.sampled_from([f"phone|dev_{letter * 16}" for letter in "abc"])
times = st.sampled_from(["2026-12-01T00:00:00.000Z", "2026-12-02T00:00:00.000Z"])
metadata = st.sampled_from([None, {"desk": "1"}, {"desk": "2"}])
texts = st.sampled_from(['Müller\'s \\ "phone"', "{NULL,", "x"])
revisions = st.one_of(st.none(), st.none(), st.none(), st.integers(0, 6))

_expiring: dict[str, Any] = {"expires_at": times, "idle_expires_at": times}
_methods = st.lists(st.fixed_dictionaries({"name": st.sampled_from(["pwd", "mfa"])}), max_size=2)
_servers = st.lists(
    st.fixed_dictionaries({"audience": st.sampled_from(["a", "b"]), "scopes": st.just("read")}), max_size=2
)
seen: dict[str, st.SearchStrategy[Any]] = {
    "user_agent": st.sampled_from([None, "Firefox", "Safari"]),
    "session_id": st.one_of(sessions, sessions, st.none()),
    "session": st.one_of(st.none(), st.fixed_dictionaries({}, optional={**_expiring, "methods": _methods})),
    "refresh_token": st.one_of(
        st.none(),
        st.fixed_dictionaries(
            {"id": tokens},
            optional={**_expiring, "rotating": st.booleans(), "resource_servers": _servers},
        ),
    ),
    "device": st.sampled_from([None, {"name": "phone"}, {"name": "tablet", "identifier": "1"}]),
    "audience": st.sampled_from([None, "https://api/"]),
    "scope": st.sampled_from([None, "", "read", "write read", 'a"\\b {x,y}']),
    "organization_id": st.sampled_from([None, "org_1"]),
    "connected_account": st.sampled_from(
        [None, {"connection": "google"}, {"connection": "corp", "scopes": ["x"], "expires_at": EXPIRY}]
    ),
}
"""What a login shows besides who signed in."""

_SESSION = {"session_id": "s1", "session": {"expires_at": EXPIRY}, "user_agent": "Firefox"}
_TOKEN = {"refresh_token": {"id": "t1", "rotating": True}, "device": {"name": "phone"}, "session_id": "ж"}
_GRANT = {"audience": "https://api/", "scope": "read write", "organization_id": "org_1"}
_ACCOUNT = {"connected_account": {"connection": "corp", "scopes": ["x"], "expires_at": EXPIRY}}
shown: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, _SESSION, _TOKEN, _GRANT, {**_ACCOUNT, **_GRANT}, _ACCOUNT]
)
"""An id from a small choice, for laws that do not depend on it."""

_enrolments = st.builds(
    MfaEnrolledData,
    factor_id=factor_ids,
    factor_type=st.sampled_from(["phone", "totp", "email", "passkey"]),
    confirmed=st.booleans(),
    details=st.sampled_from([{}, {"phone_number": "+1"}, {"email": "a@x.com", "name": "A"}]),
    secrets=st.sampled_from([{}, {"totp_secret": "JBSWY3DP"}]),
    expected_revision=revisions,
)
ACCESS_EDITS: dict[type[Any], st.SearchStrategy[Any]] = {
    SessionRevoked: st.builds(
        SessionRevokedData,
        every=st.booleans(),
        refresh_tokens=st.booleans(),
        session_id=st.one_of(st.none(), sessions),
        expected_revision=revisions,
    ),
    SessionChanged: st.builds(SessionChangedData, session_id=sessions, session_metadata=metadata),
    RefreshTokenRevoked: st.builds(
        RefreshTokenRevokedData,
        every=st.booleans(),
        client_id=st.one_of(st.none(), clients),
        audience=st.sampled_from([None, "a"]),
        refresh_token_ids=st.lists(tokens, max_size=2).map(tuple),
    ),
    RefreshTokenChanged: st.builds(
        RefreshTokenChangedData, refresh_token_id=tokens, refresh_token_metadata=metadata
    ),
    GrantRevoked: st.one_of(
        st.just(GrantRevokedData(every=True)), st.builds(GrantRevokedData, grant_id=st.just("nobody's"))
    ),
    DeviceCredentialCreated: st.builds(
        DeviceCredentialCreatedData,
        credential_id=credentials,
        client_id=st.one_of(st.none(), clients),
        device_id=st.just("1"),
        device_name=texts,
        value=st.just("MIIB"),
    ),
    DeviceCredentialRemoved: st.builds(DeviceCredentialRemovedData, credential_id=credentials),
    RememberedBrowsersInvalidated: st.builds(RememberedBrowsersInvalidatedData, expected_revision=revisions),
    RiskAssessmentCleared: st.builds(
        RiskAssessmentClearedData, connection=st.just("users"), assessors=st.just(("new-device",))
    ),
}
"""What is said of access a person was given."""
FACTOR_EDITS: dict[type[Any], st.SearchStrategy[Any]] = {
    MfaEnrolled: _enrolments,
    MfaRemoved: st.builds(
        MfaRemovedData,
        factor_ids=st.lists(factor_ids, min_size=1, max_size=2).map(tuple),
        expected_revision=revisions,
    ),
    MfaChanged: st.builds(
        MfaChangedData,
        factor_id=factor_ids,
        name=st.sampled_from([None, "Mine"]),
        preferred_authentication_method=st.sampled_from([None, "sms", "voice"]),
    ),
    RecoveryCodeRegenerated: st.builds(
        RecoveryCodeRegeneratedData,
        factor_id=st.just("recovery-code|dev_" + "r" * 16),
        code_hash=st.sampled_from(["$argon2id$1", "$argon2id$2"]),
    ),
}
"""Events that change a person's factors."""
HELD_EDITS = ACCESS_EDITS | FACTOR_EDITS
