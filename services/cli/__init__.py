"""The command line `vita`."""
