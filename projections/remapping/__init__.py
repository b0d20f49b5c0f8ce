"""Logins mapped again from the claims that their events keep: with the settings of then or of now, or with
changed ones, by the mapping code of this build."""
