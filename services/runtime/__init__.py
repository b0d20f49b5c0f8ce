"""What every service stands on: settings, logs, database, event log, keys, the worker loop."""
