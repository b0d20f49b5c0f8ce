"""Login events of gateways: each is checked, signed and written to `logins.raw`."""
