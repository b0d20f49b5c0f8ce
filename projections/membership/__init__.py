"""Who has a role or belongs to an organization: the way back from the thing to its people."""
