"""Who failed to sign in, as what and from where: what brute-force protection and IP throttling go by.

The rows only count. Whether a count is too many is decided when somebody asks, by the tenant's settings of
that moment and a clock: raising a threshold releases at once, and a rebuild gives the same rows.
"""
