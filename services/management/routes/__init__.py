"""The operations, one file per family: a table of what there is, and the handlers."""
