"""Search: query text -> syntax tree -> predicate over fields -> one parameterised SQL statement.

`syntax` (luqum behind `grammar`, with limits and messages of its own) parses the text into a tree. `analysis`
types it against `fields`, which gives predicates. `statements` writes SQL over the search views with
parameters only. `cursor` says where a listing continues. `searcher` runs the statement within the time
allowed; everything else is pure.
"""
