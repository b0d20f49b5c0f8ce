"""The auditor: grows the trail, signs it, proves from it and verifies it against the log."""
