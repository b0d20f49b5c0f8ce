"""The local certificate authority: made once, private, trusted beside what was trusted before."""

import ssl
from pathlib import Path

import pytest
from cryptography import x509

from deploy.local.certificates import Certificates, ensure_certificates
from deploy.local.services import Stack
from deploy.local.state import StateFolder
from deploy.local.up import served_domain
from services.cli.env import trust


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    folder = StateFolder(tmp_path / "state")
    folder.create()
    return folder


def names(found: Certificates) -> set[str]:
    certificate = x509.load_pem_x509_certificate(found.certificate.read_bytes())
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return {str(name.value) for name in extension.value}


def test_the_certificate_is_for_the_domain_and_this_machine(state: StateFolder) -> None:
    """A server with it is who it says under each of its names."""
    found = ensure_certificates(state, "vita.test")
    assert names(found) == {"vita.test", "localhost", "127.0.0.1"}
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(found.certificate, found.key)


def test_everything_is_private(state: StateFolder) -> None:
    """Nobody else on the machine reads a key or puts a root among ours."""
    found = ensure_certificates(state, "localhost")
    assert {path.stat().st_mode & 0o777 for path in found.key.parent.iterdir()} == {0o600}


def test_the_authority_is_kept(state: StateFolder) -> None:
    """Who trusts it once need not again, also when the domain changes; the certificate then is another."""
    first = ensure_certificates(state, "localhost")
    content = first.authority.read_bytes(), first.certificate.read_bytes()
    assert ensure_certificates(state, "localhost") == first
    other = ensure_certificates(state, "vita.test")
    assert (first.authority.read_bytes(), first.certificate.read_bytes()) == content
    assert other.certificate != first.certificate


def test_other_roots_stay_trusted(
    state: StateFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The bundle holds what was trusted and the authority; made twice it does not grow."""
    roots = tmp_path / "roots.pem"
    roots.write_text("# the roots of before\n")
    monkeypatch.setenv("SSL_CERT_FILE", str(roots))
    found = ensure_certificates(state, "localhost")
    content = found.bundle.read_bytes()
    assert content == roots.read_bytes() + b"\n" + found.authority.read_bytes()
    monkeypatch.setenv("SSL_CERT_FILE", str(found.bundle))
    ensure_certificates(state, "localhost")
    assert found.bundle.read_bytes().count(found.authority.read_bytes()) == 1
    assert ssl.create_default_context(cafile=found.bundle).get_ca_certs()


def test_the_exports_name_the_files(state: StateFolder) -> None:
    """Plain HTTP changes nothing of what clients trust."""
    stack = Stack(state.path, "k", "p", "d", "https://localhost:1", "https://localhost:2", domain="localhost")
    found = ensure_certificates(state, "localhost")
    exported = trust(stack.authority)
    assert exported["SSL_CERT_FILE"] == exported["REQUESTS_CA_BUNDLE"] == str(found.bundle)
    assert exported["NODE_EXTRA_CA_CERTS"] == str(found.authority)
    assert trust(Stack(state.path, "k", "p", "d", "http://x:1", "http://x:2").authority) == {}


def test_https_stays_until_it_is_ended(state: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for once it goes on, under the name of the last time or of VITA_DOMAIN."""
    monkeypatch.delenv("VITA_DOMAIN", raising=False)
    assert [served_domain(state, tls) for tls in (None, False, True)] == ["", "", "localhost"]
    state.update(stack={"domain": "vita.test"})
    assert [served_domain(state, tls) for tls in (None, False, True)] == ["vita.test", "", "vita.test"]
    monkeypatch.setenv("VITA_DOMAIN", "other.test")
    assert served_domain(state, None) == "other.test"
