"""Worlds: parts of Vita that run on the real broker and database, with the calls that a test makes on them.

A world has topics and a database of its own, so two worlds never see each other's data. The docstring of
each module says which services it runs, and whether in the process of the test or in processes of their
own.
"""
