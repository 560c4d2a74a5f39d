"""Certificates that the helper makes, and what is read from one."""

from __future__ import annotations

import datetime
import hashlib
import ssl
import stat
from pathlib import Path

import pytest

from server import selfsigned
from server.certificates import Certificate, read_certificate
from server.config import CertificateRequest, StartError
from server.tls import new_context

HOSTS = ("Voice.example", "192.0.2.7", "2001:db8::7")


def test_a_certificate_is_for_all_its_hosts_and_its_fingerprint_is_told(tmp_path: Path) -> None:
    told = selfsigned.make(CertificateRequest(hosts=HOSTS, days=30, out=tmp_path / "tls"))
    pem = (tmp_path / "tls" / "cert.pem").read_text()
    made = read_certificate(pem.encode())
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
    assert made.fingerprint.replace(":", "") == digest
    assert made.fingerprint in told
    assert "mkcert" in told
    assert "proxy" in told
    assert made.names == ("voice.example", "192.0.2.7", "2001:db8::7")
    assert made.issuer == ""
    left = made.expires / 1000 - datetime.datetime.now(datetime.UTC).timestamp()
    assert 29.9 * 86_400 < left <= 30 * 86_400
    for file in ("cert.pem", "key.pem"):
        assert stat.S_IMODE((tmp_path / "tls" / file).stat().st_mode) == 0o600
        assert str(tmp_path / "tls" / file) in told
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700
    new_context().load_cert_chain(tmp_path / "tls" / "cert.pem", tmp_path / "tls" / "key.pem")


def test_nothing_is_overwritten_without_being_told(tmp_path: Path) -> None:
    request = CertificateRequest(hosts=("a",), out=tmp_path)
    selfsigned.make(request)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(StartError, match="--force"):
        selfsigned.make(request)
    (tmp_path / "cert.pem").unlink()
    with pytest.raises(StartError, match=r"key\.pem is there already"):
        selfsigned.make(request)
    assert (tmp_path / "key.pem").read_bytes() == before[tmp_path / "key.pem"]
    selfsigned.make(CertificateRequest(hosts=("a",), out=tmp_path, force=True))
    assert (tmp_path / "key.pem").read_bytes() != before[tmp_path / "key.pem"]
    assert {file.name for file in tmp_path.iterdir()} == {"cert.pem", "key.pem"}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match="--out"):
        selfsigned.make(CertificateRequest(hosts=("a",), out=tmp_path / "file"))


@pytest.mark.parametrize(
    ("host", "fits"),
    [
        ("voice.example", True),
        ("VOICE.example.", True),
        ("x.star.example", True),
        ("192.0.2.7", True),
        ("star.example", False),
        ("a.b.star.example", False),
        ("voice.example.evil", False),
        ("192.0.2.8", False),
        ("", False),
    ],
)
def test_a_name_fits_or_not(host: str, fits: bool) -> None:
    certificate = Certificate(("voice.example", "*.star.example", "192.0.2.7"), "", 0, "")
    assert certificate.is_for(host) is fits
