"""Descriptions of the reasons for which records are quarantined."""

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
    "tenant_mismatch": "The record names another tenant than its sender's.",
    "unknown_connection": "The connection does not exist, and the login cannot register it.",
    "connection_deleted": "The connection was deleted.",
    "unmappable": "The claims hold no identity for the strategy of the connection.",
    "identity_of_another_connection": "The identity belongs to another connection.",
    "unknown_type": "The event's type does not exist.",
    "unknown_version": "The event has a version that this installation does not know.",
    "not_authentic": "The record was not written by the sender that it names, or it was altered.",
    "no_key": "The keys of the user were destroyed.",
    "unprocessable": "The record cannot be processed; the log of the worker says why.",
}
"""A sentence for each reason. It contains nothing of the record."""
