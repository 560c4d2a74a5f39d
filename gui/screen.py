"""Finds out whether a screen answers on which a window can be shown, without Qt."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

ANSWER_SECONDS = 1.0
"""How long a display may take to accept a connection."""


def why_no_display(environment: Mapping[str, str]) -> str | None:
    """Tell why no window can be shown, or None when a display answers; Qt itself would abort the process."""
    wayland, x11 = environment.get("WAYLAND_DISPLAY"), environment.get("DISPLAY")
    if not wayland and not x11:
        return "there is no display"
    if wayland and _answers(socket.AF_UNIX, str(Path(environment.get("XDG_RUNTIME_DIR", "/")) / wayland)):
        return None
    if x11:
        host, _, rest = x11.rpartition(":")
        number = rest.partition(".")[0]
        if not number.isdecimal():
            return f"the display {x11!r} cannot be understood"
        if host in {"", "unix"}:
            path = f"/tmp/.X11-unix/X{number}"
            if _answers(socket.AF_UNIX, path) or _answers(socket.AF_UNIX, f"\0{path}"):
                return None
        if _answers(socket.AF_INET, (host or "localhost", 6000 + int(number))):
            return None
    return f"the display {wayland or x11} does not answer"


def _answers(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(ANSWER_SECONDS)
        try:
            probe.connect(address)
        except (OSError, OverflowError):
            return False
    return True
