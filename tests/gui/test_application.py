"""Which Qt and which display are used, and what is said where there is none."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QLibraryInfo

from gui.application import check_platform_plugin, check_qt
from gui.screen import why_no_display
from server.config import StartError


def test_no_display() -> None:
    assert why_no_display({}) == "there is no display"
    assert why_no_display({"DISPLAY": "", "WAYLAND_DISPLAY": ""}) == "there is no display"


def test_a_display_that_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1] - 6000
        assert why_no_display({"DISPLAY": f"127.0.0.1:{number}.0"}) is None
    assert why_no_display({"DISPLAY": f"127.0.0.1:{number}"}) == f"the display 127.0.0.1:{number} does not answer"


def test_a_wayland_display_that_answers(tmp_path: Path) -> None:
    environment = {"WAYLAND_DISPLAY": "wayland-7", "XDG_RUNTIME_DIR": str(tmp_path)}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(tmp_path / "wayland-7"))
        server.listen()
        assert why_no_display(environment) is None
    assert why_no_display(environment) == "the display wayland-7 does not answer"


@pytest.mark.parametrize("display", ["nonsense", ":", ":x", ":99999999"])
def test_a_display_that_cannot_be(display: str) -> None:
    assert why_no_display({"DISPLAY": display}) is not None


def test_the_platform_plugin_has_its_libraries() -> None:
    check_platform_plugin()


def test_a_platform_plugin_that_cannot_be_loaded_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "platforms").mkdir()
    (tmp_path / "platforms" / "libqxcb.so").write_bytes(b"not a library")
    monkeypatch.setattr(QLibraryInfo, "path", lambda _: str(tmp_path))
    with pytest.raises(StartError, match="make run"):
        check_platform_plugin()


def test_the_pinned_qt_counts_references_as_it_should() -> None:
    check_qt()


def test_a_qt_that_loses_references_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter([10_000, 9_936])
    monkeypatch.setattr(sys, "getrefcount", lambda _: next(counts))
    with pytest.raises(StartError, match="crashes on Python before"):
        check_qt()
