"""The certificate authority of one local stack."""
