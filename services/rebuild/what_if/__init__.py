"""What people's profiles would be if their logins had been mapped in another way. Nothing is written."""
