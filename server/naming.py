"""What this machine and who sits at it are called, where nobody has said so."""

from __future__ import annotations

import contextlib
import getpass
import socket

from server.addresses import bracketed
from server.wire import names


def authority_of(host: str, port: int) -> str:
    """``host:port`` for a URL; where all addresses are listened on, the one that other machines most likely see."""
    if host in {"0.0.0.0", "::"}:
        family, far = (socket.AF_INET, "192.0.2.1") if host == "0.0.0.0" else (socket.AF_INET6, "2001:db8::1")
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))  # sends nothing, only chooses the way
            host = probe.getsockname()[0]
    return f"{bracketed(host)}:{port}"


def default_name(node_id: str) -> str:
    """Name a node after its machine: unique, and the same at each start."""
    host, short = socket.gethostname().partition(".")[0], node_id[:4]
    try:
        return f"{names.person_name(host[: names.NAME_CHARS - len(short) - 1])}-{short}"
    except names.FieldError:
        return f"node-{short}"


def operator_name() -> str:
    """Name who sits at this console: as the system knows them."""
    try:
        return names.person_name(getpass.getuser())
    except (names.FieldError, KeyError, OSError, ImportError):
        return "Operator"
