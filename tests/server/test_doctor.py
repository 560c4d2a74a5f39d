"""What the doctor says of things that a test cannot make wrong on the machine itself."""

from __future__ import annotations

import asyncio
import datetime
from pathlib import Path

import pytest

from bus.keys import Identity
from bus.secret import SecretFile, make_secret
from bus.zeromq import ZeroMQBus
from server import doctor, ports
from server.config import CertificateRequest, Config
from server.doctor import Standing
from server.selfsigned import make
from tests.bus.ear import Ear


def test_a_python_that_is_too_old_is_wrong() -> None:
    assert doctor.python((3, 10, 9)).standing is Standing.WRONG
    assert doctor.python((3, 11, 0)).standing is Standing.OK


@pytest.mark.parametrize("year", [1970, 2100])
def test_a_year_that_cannot_be_is_wrong(year: int) -> None:
    found = doctor.clock(datetime.datetime(year, 1, 1, tzinfo=datetime.UTC).timestamp())
    assert found.standing is Standing.WRONG
    assert str(year) in found.text


@pytest.mark.parametrize(("kept", "standing"), [(True, Standing.OK), (False, Standing.WARN), (None, Standing.OK)])
def test_a_clock_that_nobody_keeps_right_is_a_warning(
    kept: bool | None, standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "is_kept_right", lambda: kept)
    now = datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC).timestamp()
    assert doctor.clock(now).standing is standing


def test_a_node_without_uvloop_is_a_warning() -> None:
    assert doctor.event_loop(None).standing is Standing.WARN


@pytest.mark.parametrize(
    ("free", "standing"), [(10**6, Standing.WRONG), (10**8, Standing.WARN), (10**10, Standing.OK)]
)
def test_a_disk_that_is_nearly_full(
    free: int, standing: Standing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr("server.doctor.shutil.disk_usage", lambda path: _Usage(free))
    assert doctor.data_folder(tmp_path).standing is standing


class _Usage:
    def __init__(self, free: int) -> None:
        self.free = free


def test_the_default_port_in_use_is_a_warning_and_the_next_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "obstacle", lambda host, port: f"Port {port} is in use." if port < 8770 else None)
    found = doctor.client_port(Config(name="", data_dir=tmp_path))
    assert found.standing is Standing.WARN
    assert "a console takes 8770 instead" in found.text
    assert doctor.mesh_port(Config(name="", data_dir=tmp_path)).standing is Standing.OK
    assert "8770" in doctor.mesh_port(Config(name="", data_dir=tmp_path)).text


def test_a_node_alone_needs_no_mesh(tmp_path: Path) -> None:
    assert "not needed" in doctor.mesh_port(Config(name="", data_dir=tmp_path, bus="memory")).text


def test_a_line_holds_all_of_it() -> None:
    assert (
        doctor.wrong("key", "it is short", "make it longer").line() == "wrong key         it is short: make it longer"
    )
    assert doctor.ok("key", "fine").line() == "ok    key         fine"


@pytest.mark.parametrize(
    ("days", "standing", "why"),
    [
        (30, Standing.OK, "29 days more"),
        (13, Standing.WARN, "expires in 12 days"),
        (-1, Standing.WRONG, "has expired"),
    ],
)
def test_a_certificate_is_looked_at(tmp_path: Path, days: int, standing: Standing, why: str) -> None:
    make(CertificateRequest(hosts=("a.example",), days=30, out=tmp_path))
    config = Config(name="", data_dir=tmp_path, tls_cert=tmp_path / "cert.pem", tls_key=tmp_path / "key.pem")
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=30 - days)
    [found] = doctor.encryption(config, now.timestamp())
    assert found.standing is standing
    assert why in found.line()
    (tmp_path / "key.pem").chmod(0o644)
    [found] = doctor.encryption(config, now.timestamp())
    assert (found.standing, "chmod 600" in found.text) == (Standing.WRONG, True)


def test_clients_off_loopback_without_tls_are_a_warning(tmp_path: Path) -> None:
    [found] = doctor.encryption(Config(name="", data_dir=tmp_path, host="0.0.0.0"), 0.0)
    assert found.standing is Standing.WARN
    assert "--tls-cert" in found.remedy
    assert list(doctor.encryption(Config(name="", data_dir=tmp_path), 0.0)) == []


def test_a_host_may_be_given_by_name(tmp_path: Path) -> None:
    assert doctor.client_port(Config(name="", data_dir=tmp_path, host="localhost", port=0)).standing is Standing.OK


class TestMesh:
    """The key of the mesh, and peers that have one or not."""

    @pytest.fixture
    def secret(self, tmp_path: Path) -> Path:
        file = tmp_path / "cluster.key"
        make_secret(file)
        return file

    @pytest.mark.parametrize("theirs", [True, False])
    @pytest.mark.parametrize("ours", [True, False])
    async def test_a_peer_says_whether_it_has_a_key_as_this_node_has(
        self, secret: Path, ours: bool, theirs: bool
    ) -> None:
        bus = ZeroMQBus(Identity(f"{1:016x}", 1), port=0, secret=SecretFile(secret) if theirs else None)
        await bus.start(Ear())
        try:
            found = await asyncio.to_thread(doctor.peer, bus.address, keyed=ours)
        finally:
            await bus.stop()
        assert found.standing is (Standing.OK if ours == theirs else Standing.WRONG)
        assert (found.remedy == "") == (ours == theirs)

    def test_the_keys_of_access_tokens_are_named_by_what_they_are_for(self, tmp_path: Path) -> None:
        config = Config(name="", data_dir=tmp_path)
        for name, content in (("auth.key", b"1" * 32), ("auth.key.previous", b"2" * 32)):
            (tmp_path / name).write_bytes(content)
            (tmp_path / name).chmod(0o600)
        assert doctor.key(config).text.endswith("auth.key, HS256 and HS256")
        (tmp_path / "auth.key.previous").write_bytes(b"short")
        assert doctor.key(config).standing is Standing.WRONG

    def test_a_key_that_a_node_would_refuse_is_wrong(self, secret: Path, tmp_path: Path) -> None:
        config = Config(name="", data_dir=tmp_path, cluster_key_file=secret)
        assert doctor.cluster_key(config).standing is Standing.OK
        secret.chmod(0o644)
        assert "everybody" in doctor.cluster_key(config).text
        secret.chmod(0o600)
        secret.write_text("short")
        assert "5 bytes" in doctor.cluster_key(config).text
        secret.unlink()
        assert doctor.cluster_key(config).standing is Standing.WRONG
        assert doctor.cluster_key(Config(name="", data_dir=tmp_path)).standing is Standing.OK
