"""What both HTTP services share: the server, request bodies and ids, security headers, the access log."""
