"""profile.events -> profile and search views."""
