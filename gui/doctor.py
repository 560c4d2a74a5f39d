"""Looks at what a window needs on this machine. It can be imported where Qt cannot."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from server.config import StartError
from server.doctor import Finding, ok, warn, wrong

ROOT = Path(__file__).resolve().parents[1]

PACKAGES: Mapping[str, str] = {
    "libglib-2.0.so.0": "libglib2.0-0",
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libbrotlidec.so.1": "libbrotli1",
    "libXext.so.6": "libxext6",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}
"""What Qt is linked to, and Debian's package of it."""

PROBE = "from gui.doctor import probe; probe()"
PROBE_SECONDS = 20.0
_LIBRARY = re.compile(r"lib[\w.+-]+\.so[.\d]*")


def examine(environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Look at Qt, the display and sound."""
    broken = qt(environment)
    yield broken
    yield display(environment, known=broken.standing != "wrong")
    yield ok("sound", "not needed: this version's console plays none, people hear each other in their browsers")


def qt(environment: Mapping[str, str]) -> Finding:
    """Whether Qt loads and can make a window."""
    try:
        import PySide6.QtSvg
        import PySide6.QtWidgets

        from gui.application import check_platform_plugin, check_qt, why_no_display

        check_qt()
        if "QT_QPA_PLATFORM" not in environment and sys.platform.startswith("linux"):
            if why_no_display(environment) is None and not environment.get("WAYLAND_DISPLAY"):
                check_platform_plugin()
    except (ImportError, StartError) as error:
        return _missing(str(error))
    return _probed(PySide6.__version__, environment)


def _missing(error: str) -> Finding:
    if (library := _LIBRARY.search(error)) and "cannot open shared object" in error:
        package = PACKAGES.get(library[0])
        remedy = f"apt-get install {package}" if package else "`make run` installs what is missing"
        return wrong("Qt", f"{library[0]} is missing", remedy)
    return wrong("Qt", f"it cannot be loaded ({error.splitlines()[0]})", "`make run` installs what is missing")


def _probed(version: str, environment: Mapping[str, str]) -> Finding:
    """Qt ends the process where it fails, so another process makes a window."""
    try:
        ended = subprocess.run(
            [sys.executable, "-c", PROBE],
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return wrong("Qt", f"{version} makes no window ({error})", "`make run` checks what it needs")
    if ended.returncode:
        said = (ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"])[0]
        return _missing(said) if _LIBRARY.search(said) else wrong(
            "Qt", f"{version} makes no window ({said})", "`make run` checks what it needs"
        )  # fmt: skip
    if "zh" not in ended.stdout:
        return warn("Qt", f"{version} works, without a font for Chinese", "apt-get install fonts-noto-cjk")
    return ok("Qt", f"{version} makes windows")


def probe() -> None:
    """Make a window as the console does; say which scripts have a font."""
    from PySide6.QtGui import QFontDatabase
    from PySide6.QtWidgets import QWidget

    from gui.application import new_application

    app = new_application(["switchboard"])
    window = QWidget()
    window.show()
    if QFontDatabase.families(QFontDatabase.WritingSystem.SimplifiedChinese):
        os.write(1, b"zh\n")
    window.close()
    app.quit()


def display(environment: Mapping[str, str], *, known: bool = True) -> Finding:
    """Whether there is a screen to show the window on; where Qt does not load, only whether one is named."""
    if platform := environment.get("QT_QPA_PLATFORM"):
        return ok("display", f"QT_QPA_PLATFORM asks for {platform}")
    if not sys.platform.startswith("linux"):
        return ok("display", "that of this system")
    named = environment.get("WAYLAND_DISPLAY") or environment.get("DISPLAY")
    if not known:
        return ok("display", f"{named} is named" if named else "none is named")
    from gui.application import why_no_display

    if why := why_no_display(environment):
        return warn("display", f"{why}, so the console runs off screen", "set DISPLAY, or run it where a screen is")
    return ok("display", f"{named} answers")
