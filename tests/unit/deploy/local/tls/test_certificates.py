"""The local certificate authority: made once, private, trusted beside what was trusted before."""

import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from deploy.local.failure import StackFailure
from deploy.local.services import Stack
from deploy.local.state import StateFolder
from deploy.local.tls import authority
from deploy.local.tls.authority import Authority
from deploy.local.tls.certificates import Certificates, ensure_certificates
from deploy.local.up import served_domain
from services.cli.stack.env import trust


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
    """No other user of the machine can read a key or replace the root certificate."""
    found = ensure_certificates(state, "localhost")
    assert {path.stat().st_mode & 0o777 for path in found.key.parent.iterdir()} == {0o600}


def test_the_authority_is_kept(state: StateFolder) -> None:
    """Who trusts it once need not again; one that vouches for a domain vouches for this machine, too."""
    first = ensure_certificates(state, "vita.test")
    content = first.authority.read_bytes(), first.certificate.read_bytes()
    assert ensure_certificates(state, "vita.test") == first
    other = ensure_certificates(state, "localhost")
    assert (first.authority.read_bytes(), first.certificate.read_bytes()) == content
    assert other.certificate != first.certificate


def test_the_authority_vouches_for_its_own_names_alone(state: StateFolder) -> None:
    """Stolen, its key makes no certificate for another name or address that a client would take."""
    found = ensure_certificates(state, "vita.test")
    stolen = read(found)
    for name, taken in {
        "vita.test": True, "localhost": True, "127.0.0.1": True,
        "example.com": False, "test": False, "127.0.0.2": False, "::1": False,
    }.items():  # fmt: skip
        assert handshake(found, stolen.issue([name]), name) is taken, name
    assert ensure_certificates(state, "other.test").authority.read_bytes() != stolen.pem


@pytest.mark.parametrize("domain", ["::1", "192.0.2.7", "bücher.test"])
def test_addresses_and_names_of_any_script_are_served(state: StateFolder, domain: str) -> None:
    """The client that asks for the domain takes the certificate."""
    found = ensure_certificates(state, domain)
    assert handshake(found, (found.certificate.read_bytes(), found.key.read_bytes()), domain)


@pytest.mark.parametrize("domain", ["https://vita.test", "vita.test:8443", "a b", "vita..test", "*"])
def test_an_invalid_domain_is_reported(state: StateFolder, domain: str) -> None:
    """VITA_DOMAIN is a name alone; nothing is made for anything else."""
    with pytest.raises(StackFailure, match="VITA_DOMAIN"):
        ensure_certificates(state, domain)


def test_nothing_lives_longer_than_two_years_and_all_is_renewed(
    state: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The certificate ends with its authority at the latest; near their ends both are made again."""
    found = ensure_certificates(state, "localhost")
    first = read(found).certificate
    leaf = x509.load_pem_x509_certificate(found.certificate.read_bytes())
    assert first.not_valid_after_utc - first.not_valid_before_utc <= timedelta(days=2 * 365)
    assert leaf.not_valid_after_utc <= first.not_valid_after_utc
    monkeypatch.setattr(authority, "RENEWED_BEFORE", authority.CERTIFICATE_LIFETIME)
    again = ensure_certificates(state, "localhost")
    assert read(again).certificate == first
    assert x509.load_pem_x509_certificate(again.certificate.read_bytes()) != leaf
    monkeypatch.setattr(authority, "RENEWED_BEFORE", authority.LIFETIME)
    assert read(ensure_certificates(state, "localhost")).certificate != first


def test_a_renewal_that_was_cut_off_is_repeated(state: StateFolder) -> None:
    """A new key beside the old certificate, as a crash leaves them, is no authority."""
    found = ensure_certificates(state, "localhost")
    (found.authority.parent / "ca.key").write_bytes(Authority.create(["localhost"]).key_pem)
    assert read(ensure_certificates(state, "localhost")).vouches_for(["localhost"])


def read(found: Certificates) -> Authority:
    known = Authority.read(found.authority.read_bytes(), (found.authority.parent / "ca.key").read_bytes())
    assert known is not None
    return known


def handshake(found: Certificates, issued: tuple[bytes, bytes], name: str) -> bool:
    """Whether a client that trusts the authority takes this certificate from a server of that name."""
    folder = found.authority.parent
    for part, content in zip(("probe.pem", "probe.key"), issued, strict=True):
        (folder / part).write_bytes(content)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "probe.pem", folder / "probe.key")
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context(cafile=found.authority).wrap_bio(
        to_client, to_server, server_hostname=name
    )
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                return False
    return True


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
    stack = Stack(
        state_dir=state.path,
        kafka_bootstrap="k",
        postgres_admin_url="p",
        database="d",
        management_url="https://localhost:1",
        ingest_url="https://localhost:2",
        domain="localhost",
    )
    found = ensure_certificates(state, "localhost")
    exported = trust(stack.authority)
    assert exported["SSL_CERT_FILE"] == exported["REQUESTS_CA_BUNDLE"] == str(found.bundle)
    assert exported["NODE_EXTRA_CA_CERTS"] == str(found.authority)
    assert (
        trust(
            Stack(
                state_dir=state.path,
                kafka_bootstrap="k",
                postgres_admin_url="p",
                database="d",
                management_url="http://x:1",
                ingest_url="http://x:2",
            ).authority
        )
        == {}
    )


def test_https_stays_until_it_is_ended(state: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS stays on once it was requested, under the last host name or that of VITA_DOMAIN."""
    monkeypatch.delenv("VITA_DOMAIN", raising=False)
    assert [served_domain(state, tls) for tls in (None, False, True)] == ["", "", "localhost"]
    state.update(stack={"domain": "vita.test"})
    assert [served_domain(state, tls) for tls in (None, False, True)] == ["vita.test", "", "vita.test"]
    monkeypatch.setenv("VITA_DOMAIN", "other.test")
    assert served_domain(state, None) == "other.test"
