"""Which quarantined logins of each tenant have been told of."""
