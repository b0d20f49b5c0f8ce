"""What travels: topics, envelope, events, raw logins, and the one door that seals and opens them."""
