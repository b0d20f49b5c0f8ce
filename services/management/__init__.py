"""The Management API: HTTP -> profile.events -> HTTP.

A write is validated, decided and appended to the event log. The service then waits for the projector and
returns the state of the view. A write with a successful response took effect exactly once. A write without a
response took effect completely or not at all.
"""
