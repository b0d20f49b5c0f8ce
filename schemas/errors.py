"""The two kinds of failure of a record: invalid for ever, or to be retried."""

from typing import Literal

DeadLetterReason = Literal[
    "not_json",
    "contract",
    "too_large",
    "unreadable_batch",
    "nul_character",
    "unknown_tenant",
    "tenant_mismatch",
    "unknown_connection",
    "connection_deleted",
    "unmappable",
    "identity_of_another_connection",
    "unknown_type",
    "unknown_version",
    "not_authentic",
    "no_key",
    "unprocessable",
]


class InvalidEvent(ValueError):
    """A record that can never be processed. `detail` names fields and rules, never values."""

    def __init__(self, reason: DeadLetterReason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason: DeadLetterReason = reason
        self.detail = detail


class Transient(Exception):
    """A failure of the surroundings (broker, database, key service). Processing the record again may
    succeed."""
