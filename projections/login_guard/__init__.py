"""Failed logins by identifier and by IP address, for brute-force protection and IP throttling.

The rows only count failures. The decision whether a count exceeds a limit is made at the time of a login
check, with the tenant's current settings. Raising a limit therefore takes effect at once, and a rebuild gives
identical rows.
"""
