"""The audit trail: an append-only Merkle log over the exact bytes of every record of `profile.events`."""
