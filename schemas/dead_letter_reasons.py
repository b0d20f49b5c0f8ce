"""Why records are quarantined, as people read it."""

from collections.abc import Mapping
from typing import Final

from schemas.errors import DeadLetterReason

SENTENCES: Final[Mapping[DeadLetterReason, str]] = {
    "not_json": "The record is not JSON.",
    "contract": "The record does not have the shape of its topic.",
    "too_large": "The record is larger than its topic allows.",
    "unreadable_batch": "The compressed batch that held the record cannot be read.",
    "nul_character": "The record holds U+0000, which cannot be stored.",
    "unknown_tenant": "The tenant does not exist.",
    "tenant_mismatch": "The record is for another tenant than its sender's.",
    "unknown_connection": "The connection does not exist, and the login cannot register it.",
    "connection_deleted": "The connection was deleted.",
    "unmappable": "The claims hold no identity for the strategy of the connection.",
    "identity_of_another_connection": "The identity belongs to another connection.",
    "unknown_type": "No event has this type.",
    "unknown_version": "The event has a version that this installation does not know.",
    "not_authentic": "The record is not by who it claims to be by, or was altered.",
    "no_key": "The keys of the person were destroyed.",
    "unprocessable": "The record cannot be processed; the log of the worker says why.",
}
"""Reason -> a sentence that says nothing of what the record holds."""
