"""The certificate authority of a local stack."""
