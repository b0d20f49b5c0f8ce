"""The certificate of an HTTPS server."""

from pathlib import Path
from typing import NamedTuple


class Tls(NamedTuple):
    """PEM files: a certificate with its chain, and its private key."""

    certificate: Path
    key: Path
