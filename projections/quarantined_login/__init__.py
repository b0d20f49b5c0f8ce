"""Which events about quarantined logins were applied, by tenant."""
