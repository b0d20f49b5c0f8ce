"""The number of users of each tenant."""
