"""`main.py tls self-signed`: makes a certificate and its key, and says what they are worth."""

from __future__ import annotations

import contextlib
import datetime
import shlex

from bus import private
from server.certificates import Certificate, make_self_signed, read_certificate
from server.config import CertificateRequest, StartError

CERTIFICATE_FILE, KEY_FILE = "cert.pem", "key.pem"
_WORDS = """\
Browsers warn of it until they are told to trust it: compare the fingerprint, or give cert.pem to those who look after
the machines. For your own machine `mkcert NAME` makes one that its browsers trust at once; under a public name a
reverse proxy such as Caddy or nginx has one that everybody trusts: then run the node on loopback, with
--trusted-proxy 127.0.0.1 and --public-url wss://NAME/ws."""


def make(request: CertificateRequest) -> str:
    """Write both files; returns what to tell the person who asked. Raises StartError."""
    certificate_file, key_file = request.out / CERTIFICATE_FILE, request.out / KEY_FILE
    for file in (certificate_file, key_file):
        if file.exists() and not request.force:
            raise StartError(f"{file} is there already: give --out another folder, or --force to replace it")
    now = datetime.datetime.now(datetime.UTC)
    certificate, key = make_self_signed(request.hosts, days=request.days, now=now)
    try:
        private.make_folder(request.out)
        private.replace(key_file, key)
        private.replace(certificate_file, certificate)
    except OSError as error:
        with contextlib.suppress(OSError):
            if not request.force:
                key_file.unlink(missing_ok=True)
        raise StartError(f"cannot write to {request.out}: {error.strerror or error}; give --out another") from None
    options = shlex.join(["--tls-cert", str(certificate_file), "--tls-key", str(key_file)])
    return f"{_account(read_certificate(certificate))}\nStart a node with\n\n    {options}\n\n{_WORDS}"


def _account(certificate: Certificate) -> str:
    until = datetime.datetime.fromtimestamp(certificate.expires / 1000, datetime.UTC)
    return (
        f"A certificate for {', '.join(certificate.names)}, until {until:%Y-%m-%d}.\n"
        f"SHA-256 fingerprint: {certificate.fingerprint}\n"
    )
