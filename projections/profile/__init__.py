"""The profile of a person: one document per subject, folded from the person's events."""
