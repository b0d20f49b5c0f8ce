"""The certificate authority of one local stack: clients that trust it reach the stack over HTTPS, by name."""

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
    """Where they lie; keys are readable by their owner only."""

    authority: Path
    """The authority alone, for what adds it to the roots it knows (Node)."""
    bundle: Path
    """The roots this machine trusts and the authority, for what is given one file instead of its own."""
    certificate: Path
    key: Path


def authority_of(state_dir: Path) -> Path:
    """Where a stack's authority is, if it has one."""
    return state_dir / FOLDER / "ca.pem"


def bundle_of(state_dir: Path) -> Path:
    """Where the roots of this machine and the authority are in one file."""
    return state_dir / FOLDER / "bundle.pem"


def ensure_certificates(state: StateFolder, domain: str) -> Certificates:
    """A certificate for the domain and this machine; only the holder of the state's lock may.

    The authority is kept as long as it may vouch for the domain and does not end soon, and so is the
    certificate. Raises StackFailure for what is no name of a server.
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
    """Whether both files are there (the key is written last) and need not be renewed yet."""
    return found.key.exists() and is_fresh(x509.load_pem_x509_certificate(found.certificate.read_bytes()))


def _roots(own: Path) -> bytes:
    """What the environment names, unless that is our own bundle; else the system's; else certifi's."""
    candidates = (os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().openssl_cafile)
    for name in candidates:
        if name and Path(name).is_file() and Path(name).resolve() != own.resolve():
            return Path(name).read_bytes()
    return Path(certifi.where()).read_bytes()
