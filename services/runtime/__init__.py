"""The common base of all services: settings, logs, database, event log, keys, the worker loop."""
