"""Worlds: parts of Vita that run on the real broker and database, with the calls that a test makes on them.

A world has its own topics and database, so that worlds do not see each other's data. The docstring of each
module names the services that it runs, and whether they run in the process of the test or in separate
processes.
"""
