"""The auditor: appends to the audit trail, signs it, makes proofs, and verifies it against the log."""
