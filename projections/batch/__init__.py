"""Batches of events folded into the views, without a worker: for the projector, rebuilds and questions of the
kind "what if"."""
