"""Daily counts of logins, signups and leaked passwords."""
