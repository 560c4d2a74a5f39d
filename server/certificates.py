"""Certificates: what one says, whether a key belongs to it, and making one that nobody else has signed."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import hashlib
import ipaddress
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

COMMON_NAME_CHARS = 64
SLACK = datetime.timedelta(hours=1)
"""By how much the clocks of clients may be behind that of the machine that makes a certificate."""


class CertificateError(ValueError):
    """A file holds no certificate, or no key that can be used; the text says which, after the name of the file."""


@dataclasses.dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says to those who connect."""

    names: tuple[str, ...]
    """The hosts that it is for: names and addresses."""
    issuer: str
    """Who signed it; empty where it signed itself."""
    expires: int
    """ms since 1970."""
    fingerprint: str
    """SHA-256 of it, as browsers show it."""

    def is_for(self, host: str) -> bool:
        """Whether it is for this name or address (RFC 6125: a star stands for one label, the first)."""
        host = host.lower().rstrip(".")
        first, _, rest = host.partition(".")
        return any(name in (host, f"*.{rest}" if first and rest else host) for name in self.names)


def read_certificate(pem: bytes) -> Certificate:
    """Read the first certificate of a PEM file, which is the server's own. Raises CertificateError."""
    return _facts(_own(pem))


def check_pair(certificate: bytes, key: bytes) -> None:
    """Look whether a private key belongs to the first certificate of a PEM file. Raises CertificateError."""
    public = _own(certificate).public_key()
    try:
        private = load_pem_private_key(key, password=None)
    except TypeError:
        raise CertificateError("holds a key with a password, which nobody could type: take it off") from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError("holds no private key in PEM form") from None
    if _bytes(private.public_key()) != _bytes(public):
        raise CertificateError("is the key of another certificate")


def make_self_signed(hosts: Sequence[str], *, days: int, now: datetime.datetime) -> tuple[bytes, bytes]:
    """Make a certificate for these names and addresses, and its key; both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:COMMON_NAME_CHARS])])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SLACK)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([_alternative(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _own(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(pem)[0]
    except (ValueError, IndexError, UnsupportedAlgorithm):
        raise CertificateError("holds no certificate in PEM form") from None


def _facts(own: x509.Certificate) -> Certificate:
    names: list[str] = []
    with contextlib.suppress(x509.ExtensionNotFound, ValueError):
        said = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [*said.get_values_for_type(x509.DNSName), *map(str, said.get_values_for_type(x509.IPAddress))]
    issuer = "" if own.issuer == own.subject else own.issuer.rfc4514_string()
    digest = hashlib.sha256(own.public_bytes(Encoding.DER)).hexdigest().upper()
    return Certificate(
        names=tuple(name.lower() for name in names),
        issuer=issuer,
        expires=int(own.not_valid_after_utc.timestamp() * 1000),
        fingerprint=":".join(digest[place : place + 2] for place in range(0, len(digest), 2)),
    )


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host.lower().rstrip("."))


def _bytes(public: PublicKeyTypes) -> bytes:
    try:
        return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except ValueError:
        raise CertificateError("holds a key of a kind that TLS does not use") from None
