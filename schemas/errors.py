"""The two families that decide what happens to a record: never again, or again later."""

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
    """A record that will never be right. `detail` names fields and rules, never values."""

    def __init__(self, reason: DeadLetterReason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason: DeadLetterReason = reason
        self.detail = detail


class Transient(Exception):
    """A failure of the surroundings (broker, database, key service): the same record will do later."""
