"""The applied events about quarantined logins, by tenant."""
