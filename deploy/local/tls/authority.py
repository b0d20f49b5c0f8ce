"""A certificate authority that is restricted to a few names, and the certificates that it issues."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.local.failure import StackFailure

LIFETIME = timedelta(days=730)
CERTIFICATE_LIFETIME = timedelta(days=397)
RENEWED_BEFORE = timedelta(days=30)
_SKEW = timedelta(hours=1)
_ORGANIZATION = "Vita local stack"


@dataclass(frozen=True)
class Authority:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def create(cls, names: Sequence[str]) -> "Authority":
        """Return a new authority restricted to these names. Raises StackFailure when a name is malformed."""
        key, started = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC) - _SKEW
        subject = _subject("Vita local authority")
        builder = (
            _certificate(subject, subject, key.public_key(), started, started + LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.NameConstraints([_subtree(name) for name in names], None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    @classmethod
    def read(cls, certificate: bytes, key: bytes) -> "Authority | None":
        """Return the authority in these PEM files, or None if they do not belong together."""
        try:
            found = x509.load_pem_x509_certificate(certificate)
            private = serialization.load_pem_private_key(key, None)
        except ValueError:
            return None
        if not isinstance(private, ec.EllipticCurvePrivateKey) or found.public_key() != private.public_key():
            return None
        return cls(found, private)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return _key_pem(self.key)

    def vouches_for(self, names: Sequence[str]) -> bool:
        """Return whether it may issue certificates for all the names, and does not expire before the
        renewal."""
        try:
            constraints = self.certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        except x509.ExtensionNotFound:
            return False
        permitted = {subtree.value for subtree in constraints.permitted_subtrees or ()}
        return is_fresh(self.certificate) and {_subtree(name).value for name in names} <= permitted

    def issue(self, names: Sequence[str]) -> tuple[bytes, bytes]:
        """Return a server certificate for the names, and its key, as PEM."""
        key, started = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC) - _SKEW
        ends = min(started + CERTIFICATE_LIFETIME, self.certificate.not_valid_after_utc)
        own = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
        builder = (
            _certificate(
                _subject("Vita local server"), self.certificate.subject, key.public_key(), started, ends
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(issuer, critical=False)
        )
        certificate = builder.sign(self.key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key)


def is_fresh(certificate: x509.Certificate) -> bool:
    """Return whether the certificate does not have to be renewed yet."""
    return certificate.not_valid_after_utc - datetime.now(UTC) > RENEWED_BEFORE


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, begins: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


def _subject(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(name: str) -> x509.GeneralName:
    """Return a server's name: an address, or a domain in ASCII form. Raises StackFailure for anything
    else."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        pass
    try:
        ascii_name = name.encode("idna").decode()
    except UnicodeError:
        ascii_name = ""
    if not ascii_name or not all(part.replace("-", "a").isalnum() for part in ascii_name.split(".")):
        raise StackFailure(
            f"{name!r} is not a name for a certificate",
            "set VITA_DOMAIN to a name or an address of this machine, without https:// and without a port",
        )
    return x509.DNSName(ascii_name)


def _subtree(name: str) -> x509.GeneralName:
    found = _name(name)
    return x509.IPAddress(ipaddress.ip_network(found.value)) if isinstance(found, x509.IPAddress) else found


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
