"""HTTP -> profile.events -> HTTP: the Management API.

A write is validated, decided, appended and waited for; the answer comes from the view. An answered write has
happened exactly once; one that got no answer may have happened or not, never by half.
"""
