"""How many files and sockets this process may have open, and how many of them are for clients."""

from __future__ import annotations

import sys

MOST = 1 << 16
"""The limit is raised this far, where it may be: what a node could serve by far."""

OWN = 256
"""For the mesh, files, launched nodes and the log; of a smaller limit a quarter."""


def raise_limit() -> None:
    """Let this process have as many open as its hard limit allows, `MOST` at most."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(MOST, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            pass  # what there is must do


def capacity() -> int:
    """How many clients may be connected at once by what this process may have open; 0 where nobody knows a limit."""
    if sys.platform == "win32":
        return 0
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 0 if soft == resource.RLIM_INFINITY else for_clients(soft)


def for_clients(limit: int) -> int:
    """How many clients a process has room for that may have `limit` open."""
    return limit - min(OWN, limit // 4)
