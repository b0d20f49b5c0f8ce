"""The certificate authority of a local stack. Clients that trust it reach the stack over HTTPS by name."""

import hashlib
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import certifi
from cryptography import x509

from deploy.local.state import StateFolder
from deploy.local.tls.authority import Authority, is_fresh
from deploy.private_files import write_private

ALWAYS = ("localhost", "127.0.0.1")
FOLDER = "tls"


@dataclass(frozen=True)
class Certificates:
    """The paths of the files. Keys are readable by their owner only."""

    authority: Path
    """The authority alone, for programs that add it to the roots they know (Node)."""
    bundle: Path
    """The machine's roots and the authority, for programs that take one file instead of the roots."""
    certificate: Path
    key: Path


def authority_of(state_dir: Path) -> Path:
    """Return the path of a stack's authority."""
    return state_dir / FOLDER / "ca.pem"


def bundle_of(state_dir: Path) -> Path:
    """Return the path of the file with the machine's roots and the authority."""
    return state_dir / FOLDER / "bundle.pem"


def ensure_certificates(state: StateFolder, domain: str) -> Certificates:
    """Return a certificate for the domain and this machine. The caller must hold the state's lock.

    Authority and certificate are kept while they cover the domain and do not expire soon. Raises
    StackFailure when the domain is malformed.
    """
    folder = state.path / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    names = tuple(dict.fromkeys((domain, *ALWAYS)))
    authority = _ensure_authority(folder, names)
    seen = " ".join((*names, str(authority.certificate.serial_number)))
    stem = f"server-{hashlib.sha256(seen.encode()).hexdigest()[:12]}"
    found = Certificates(
        authority_of(state.path), bundle_of(state.path), folder / f"{stem}.pem", folder / f"{stem}.key"
    )
    if not _is_usable(found):
        certificate, key = authority.issue(names)
        found.key.unlink(missing_ok=True)
        write_private(found.certificate, certificate)
        write_private(found.key, key)
    write_private(found.bundle, _roots(found.bundle) + b"\n" + found.authority.read_bytes())
    return found


def _ensure_authority(folder: Path, names: Sequence[str]) -> Authority:
    certificate, key = folder / "ca.pem", folder / "ca.key"
    if certificate.exists() and key.exists():
        known = Authority.read(certificate.read_bytes(), key.read_bytes())
        if known is not None and known.vouches_for(names):
            return known
    made = Authority.create(names)
    write_private(key, made.key_pem)
    write_private(certificate, made.pem)
    return made


def _is_usable(found: Certificates) -> bool:
    """Return whether both files exist (the key is written last) and need no renewal yet."""
    return found.key.exists() and is_fresh(x509.load_pem_x509_certificate(found.certificate.read_bytes()))


def _roots(own: Path) -> bytes:
    """Return the roots in the environment unless that is our own bundle, otherwise the system's or
    certifi's."""
    candidates = (os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().openssl_cafile)
    for name in candidates:
        if name and Path(name).is_file() and Path(name).resolve() != own.resolve():
            return Path(name).read_bytes()
    return Path(certifi.where()).read_bytes()
