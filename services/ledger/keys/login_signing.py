"""Whether raw logins must be signed, and the key that ingest signs with."""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from services.ledger.keys.subject_keys import key_from
from services.runtime.settings import RuntimeSettings

TRUSTED: Final = "raw logins are taken without a signature (VITA_RAW_LOGINS=trusted)"


class LoginSigningSettings(RuntimeSettings):
    """What ingest, which signs, and the normalizer, which verifies, agree on."""

    raw_logins: Literal["signed", "trusted"] = Field(
        "signed",
        description="Whether logins on Kafka must be signed; `trusted` accepts every record on the topic.",
    )
    login_signing_key: str | None = Field(
        None,
        description="Key with which ingest signs logins, `file:<path>` or `env:<variable>` (32 bytes, "
        "base64). To replace it, name several, separated by commas; the first one signs.",
    )

    @model_validator(mode="after")
    def _signs_with_a_key(self) -> Self:
        if self.raw_logins == "signed" and not self.login_signing_key:
            raise ValueError("VITA_LOGIN_SIGNING_KEY is not set: give ingest and the normalizer the same key")
        return self

    @property
    def signing_secrets(self) -> tuple[bytes, ...]:
        """The keys of ingest, the one that signs first. Raises ValueError when one is not usable."""
        places = (self.login_signing_key or "").split(",")
        return tuple(key_from(place.strip()) for place in places if place.strip())
