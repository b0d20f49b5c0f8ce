"""Folds batches of events into the views, independent of a worker: for the projector, for rebuilds and for
previews of a command."""
