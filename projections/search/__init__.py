"""What of a person can be searched: a row of text and sets, and a row of what every login moves."""
