"""Search: query text -> syntax tree -> predicate over fields -> one parameterised SQL statement.

`syntax` (luqum behind our limits and texts) makes a `tree`; `planning` types it against `fields` into
predicates; `statements` writes SQL over the search views with parameters only; `walking` writes
places in a list down for cursors; `running` has the database answer within the time allowed. Everything but
`running` is pure.
"""
