"""Authentication methods and enrolments."""
