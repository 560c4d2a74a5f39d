"""What the settings page reads: each value, and who gave it; never a secret."""

from __future__ import annotations

from pathlib import Path

from server.certificates import read_certificate
from server.config import CertificateRequest
from server.exposure import Exposure
from server.options import OPTIONS, read_config
from server.selfsigned import make
from server.settings import Setting, fingerprint, settings

SECRET = "a secret that nobody must see, 32 bytes"


def told(tmp_path: Path, *arguments: str, exposure: Exposure | None = None, **environment: str) -> dict[str, Setting]:
    config = read_config("node", [*arguments, f"--data-dir={tmp_path}"], environment)
    return {setting.flag: setting for setting in settings(config, exposure or Exposure(), "abcd ef01")}


def test_each_value_has_its_source(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text('lost-seconds = 7.5\nport = 1\norigin = ["https://a.example", "https://b.example"]\n')
    found = told(tmp_path, "--port=3", f"--config={file}", SWITCHBOARD_PORT="2", SWITCHBOARD_HOST="127.0.0.2")
    assert [found[flag].value for flag in ("port", "host", "lost-seconds")] == ["3", "127.0.0.2", "7.5"]
    assert found["origin"].value == "https://a.example, https://b.example"
    assert found["port"].source == "command line, --port"
    assert found["host"].source == "environment, SWITCHBOARD_HOST"
    assert found["lost-seconds"].source == found["origin"].source == f"file, {file}"
    assert (found["voice-fps"].value, found["voice-fps"].source) == ("55", "default")


def test_every_option_is_listed(tmp_path: Path) -> None:
    assert list(told(tmp_path)) == [option.flag for option in OPTIONS]


def test_of_secrets_there_is_the_file_and_a_fingerprint(tmp_path: Path) -> None:
    key = tmp_path / "auth.key"
    key.write_text(SECRET)
    key.chmod(0o600)
    found = told(tmp_path, f"--auth-key-file={key}")
    assert found["auth-key-file"].value == str(key)
    assert found["auth-key-file"].note == f"fingerprint {fingerprint(SECRET.encode())}"
    assert found["cluster-key-file"].note == "fingerprint abcd ef01"
    assert SECRET not in str(found)
    assert fingerprint(b"one") != fingerprint(b"other")


def test_of_the_certificate_there_are_its_names_its_end_and_its_fingerprint(tmp_path: Path) -> None:
    make(CertificateRequest(hosts=("voice.example",), out=tmp_path / "tls"))
    certificate = read_certificate((tmp_path / "tls" / "cert.pem").read_bytes())
    found = told(tmp_path, exposure=Exposure(encrypted=True, certificate=certificate))
    for part in ("voice.example", "until 20", certificate.fingerprint[:23]):
        assert part in found["tls-cert"].note
