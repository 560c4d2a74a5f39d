"""The certificate and key of the port: read at the start and on SIGHUP, shown to whoever connects from then on."""

from __future__ import annotations

import dataclasses
import logging
import ssl
from pathlib import Path

from bus import private
from server.certificates import Certificate, CertificateError, check_pair, read_certificate
from server.config import Config, StartError

logger = logging.getLogger(__name__)

DAY_MS = 86_400_000
WARN_DAYS = 14
"""So long before its end a certificate is warned of, once a day."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Pair:
    context: ssl.SSLContext
    certificate: Certificate


class Tls:
    """What a port needs to speak TLS. Connections keep what they began with; new ones get the newest."""

    def __init__(self, certificate_file: Path, key_file: Path) -> None:
        """Read both files. Raises StartError."""
        self.certificate_file = certificate_file
        self.key_file = key_file
        self.refused = ""
        """Why the files as they are now are not used, one sentence; empty where they are."""
        self._pair = _load(certificate_file, key_file)
        self._told: int | None = None

    @property
    def context(self) -> ssl.SSLContext:
        """For the next connection."""
        return self._pair.context

    @property
    def certificate(self) -> Certificate:
        """What it shows."""
        return self._pair.certificate

    def reload(self) -> None:
        """Read the files again; where they cannot be used what was in use stays so, and the log says why."""
        try:
            self._pair = _load(self.certificate_file, self.key_file)
        except StartError as error:
            self.refused = str(error)
            logger.error("the certificate in use stays so, because the new one cannot be used: %s", error)
            return
        self.refused = ""
        self._told = None
        logger.info("new connections get the certificate %s", self.certificate.fingerprint)

    def look(self, now: int) -> None:
        """Warn once a day of a certificate that ends soon; `now` in ms since 1970."""
        left = self.certificate.expires - now
        if left > WARN_DAYS * DAY_MS or (self._told is not None and now - self._told < DAY_MS):
            return
        self._told = now
        logger.warning("%s: %s", self.certificate_file, ending(left))


def tls_of(config: Config) -> Tls | None:
    """What `config` says of TLS; None where it says nothing. Raises StartError."""
    if config.tls_cert is None or config.tls_key is None:
        return None
    return Tls(config.tls_cert, config.tls_key)


def ending(left: int) -> str:
    """How long a certificate still holds, in a sentence with what to do; `left` in ms."""
    remedy = "put a new one in its place and send SIGHUP"
    if left <= 0:
        return f"the certificate has expired, browsers refuse it: {remedy}"
    days = left // DAY_MS
    when = f"in {days} days" if days > 1 else "in a day" if days else "in less than a day"
    return f"the certificate expires {when}: {remedy}"


def _load(certificate_file: Path, key_file: Path) -> _Pair:
    """Read a pair. Raises StartError."""
    try:
        pem = certificate_file.read_bytes()
    except OSError as error:
        raise StartError(
            f"cannot read the certificate {certificate_file}: {error.strerror or error}; see --tls-cert"
        ) from None
    try:
        key = private.read(key_file)
    except private.ExposedError as error:
        raise StartError(f"the key {error}") from None
    except OSError as error:
        raise StartError(f"cannot read the key {key_file}: {error.strerror or error}; see --tls-key") from None
    try:
        certificate = read_certificate(pem)
    except CertificateError as error:
        raise StartError(f"{certificate_file} {error}: give --tls-cert another") from None
    try:
        check_pair(pem, key)
    except CertificateError as error:
        raise StartError(f"{key_file} {error}: give --tls-key the one of {certificate_file}") from None
    context = new_context()
    try:
        context.load_cert_chain(certificate_file, key_file, password=_nobody)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise StartError(
            f"{certificate_file} and {key_file} cannot be used for TLS ({_reason(error)}): make new ones"
        ) from None
    return _Pair(context, certificate)


def new_context() -> ssl.SSLContext:
    """The rules of the port: TLS 1.2 and up, the ciphers that Python holds for safe, HTTP/1.1 and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    return context


def _nobody() -> str:
    raise ValueError("the key has a password")


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error).replace("_", " ").lower()
