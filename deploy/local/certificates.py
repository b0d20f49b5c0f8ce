"""The certificate authority of one local stack: clients that trust it reach the stack over HTTPS, by name."""

import hashlib
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import certifi
import trustme

from deploy.local.state import StateFolder, write_private

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
    """A certificate for the domain and this machine; only the holder of the state's lock may."""
    folder = state.build(FOLDER, _make_authority)
    names = tuple(dict.fromkeys((domain, *ALWAYS)))
    stem = f"server-{hashlib.sha256(' '.join(names).encode()).hexdigest()[:12]}"
    found = Certificates(
        authority_of(state.path), bundle_of(state.path), folder / f"{stem}.pem", folder / f"{stem}.key"
    )
    if not found.key.exists():
        _issue(found, folder / "ca.key", names)
    write_private(found.bundle, _roots(found.bundle) + b"\n" + found.authority.read_bytes())
    return found


def _make_authority(folder: Path) -> None:
    authority = trustme.CA(organization_name="Vita local stack")
    write_private(folder / "ca.pem", authority.cert_pem.bytes())
    write_private(folder / "ca.key", authority.private_key_pem.bytes())


def _issue(found: Certificates, authority_key: Path, names: Sequence[str]) -> None:
    """The key last, as it says that both are there."""
    authority = trustme.CA.from_pem(found.authority.read_bytes(), authority_key.read_bytes())
    issued = authority.issue_cert(*names, common_name=names[0])
    write_private(found.certificate, b"".join(part.bytes() for part in issued.cert_chain_pems))
    write_private(found.key, issued.private_key_pem.bytes())


def _roots(own: Path) -> bytes:
    """What the environment names, unless that is our own bundle; else the system's; else certifi's."""
    candidates = (os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().openssl_cafile)
    for name in candidates:
        if name and Path(name).is_file() and Path(name).resolve() != own.resolve():
            return Path(name).read_bytes()
    return Path(certifi.where()).read_bytes()
