"""What every kind of test needs to run: servers, processes, waiting, and data that no service would write.

Nothing here knows a world; `tests.worlds` builds on this package.
"""
