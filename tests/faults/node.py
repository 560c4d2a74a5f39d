"""Starts a node as main.py does, with what only a test may do to it.

    python -m tests.faults.node '{"hold": 5}' node --port 0 ...

SIGUSR1 holds its event loop for so many seconds, while its other threads go on. Given a network of proxies, it
reaches every other host through the proxy for this way.
"""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import zmq

import main
from tests.faults.fate import passage


def hold_on_signal(seconds: float) -> None:
    """Let SIGUSR1 stop the main thread, which is that of the event loop."""
    signal.signal(signal.SIGUSR1, lambda *_: time.sleep(seconds))


def go_through_proxies(net: str, host: int) -> None:
    """Let ZeroMQ connect to the proxies between this host and others."""
    others = re.compile(rf"(?<=//){re.escape(net)}\.(\d)(?=:)")

    def through(connect: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
        def wrapped(self: Any, endpoint: str) -> Any:
            return connect(self, others.sub(lambda found: passage(net, host, int(found[1])), endpoint))

        return wrapped

    for name in ("connect", "disconnect"):
        setattr(zmq.Socket, name, through(getattr(zmq.Socket, name)))


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    hold_on_signal(given["hold"])
    if "net" in given:
        go_through_proxies(given["net"], int(given["host"]))
    sys.exit(main.main(sys.argv[2:]))
