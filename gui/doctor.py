"""Looks at what a window needs on this machine, without loading Qt."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from gui.probe import UNUSABLE
from gui.screen import why_no_display
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

PROBE = "from gui.probe import probe; probe()"
PROBE_SECONDS = 20.0
_LIBRARY = re.compile(r"lib[\w.+-]+\.so[.\d]*")


def examine(environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Look at Qt, the display and sound."""
    yield qt(environment)
    yield display(environment)
    yield ok("sound", "not needed: this version's console plays none, people hear each other in their browsers")


def qt(environment: Mapping[str, str]) -> Finding:
    """Whether Qt loads and can make a window."""
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
        return wrong("Qt", f"it makes no window ({error})", "`make run` checks what it needs")
    version, _, scripts = ended.stdout.partition("\n")
    said = (ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"])[0]
    if ended.returncode == UNUSABLE or (ended.returncode and _LIBRARY.search(said)):
        return _missing(said)
    if ended.returncode:
        return wrong("Qt", f"{version} makes no window ({said})", "`make run` checks what it needs")
    if "zh" not in scripts:
        return warn("Qt", f"{version} works, without a font for Chinese", "apt-get install fonts-noto-cjk")
    return ok("Qt", f"{version} makes windows")


def _missing(error: str) -> Finding:
    if (library := _LIBRARY.search(error)) and "cannot open shared object" in error:
        package = PACKAGES.get(library[0])
        remedy = f"apt-get install {package}" if package else "`make run` installs what is missing"
        return wrong("Qt", f"{library[0]} is missing", remedy)
    return wrong("Qt", f"it cannot be loaded ({error})", "`make run` installs what is missing")


def display(environment: Mapping[str, str]) -> Finding:
    """Whether there is a screen to show the window on."""
    if platform := environment.get("QT_QPA_PLATFORM"):
        return ok("display", f"QT_QPA_PLATFORM asks for {platform}")
    if not sys.platform.startswith("linux"):
        return ok("display", "that of this system")
    if why := why_no_display(environment):
        return warn("display", f"{why}, so the console runs off screen", "set DISPLAY, or run it where a screen is")
    return ok("display", f"{environment.get('WAYLAND_DISPLAY') or environment.get('DISPLAY')} answers")
