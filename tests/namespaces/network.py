"""Network namespaces on one bridge: a place for each node, and one for the clients, which sees all and is never cut.

Their addresses lie in 127.9.0.0/24, so that nodes without encryption take them for loopback.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

PREFIX = "swbd"
BRIDGE = f"{PREFIX}-bridge"


def run(*command: str) -> None:
    """Run a command. Raises CalledProcessError."""
    subprocess.run(command, check=True, capture_output=True, text=True)


def inside(place: str) -> tuple[str, ...]:
    """What to put before a command so that it runs in a place."""
    return ("ip", "netns", "exec", f"{PREFIX}-{place}")


class Places:
    """Namespaces that exist within the block. Needs root."""

    def __init__(self, *places: str) -> None:
        self._places = places

    def address(self, place: str) -> str:
        """Where a place is."""
        return f"127.9.0.{self._places.index(place) + 2}"

    def __enter__(self) -> Places:
        self._remove()
        run("ip", "netns", "add", BRIDGE)
        on_bridge = ("ip", "netns", "exec", BRIDGE)
        run(*on_bridge, "ip", "link", "add", "br0", "type", "bridge")
        run(*on_bridge, "ip", "link", "set", "br0", "up")
        for number, place in enumerate(self._places):
            space, wire, here = f"{PREFIX}-{place}", f"{PREFIX}{number}", inside(place)
            run("ip", "netns", "add", space)
            run("ip", "link", "add", wire, "netns", BRIDGE, "type", "veth", "peer", "name", "eth0", "netns", space)
            run(*on_bridge, "ip", "link", "set", wire, "master", "br0", "up")
            for scope in ("all", "default", "eth0"):
                run(*here, "sysctl", "-qw", f"net.ipv4.conf.{scope}.route_localnet=1")
            run(*here, "ip", "link", "set", "lo", "up")
            run(*here, "ip", "addr", "del", "127.0.0.1/8", "dev", "lo")
            run(*here, "ip", "addr", "add", "127.0.0.1/32", "dev", "lo")
            run(*here, "ip", "addr", "add", f"{self.address(place)}/24", "dev", "eth0")
            run(*here, "ip", "link", "set", "eth0", "up")
            self._nft(place, "add", "table", "inet", "faults")
            self._nft(place, "add", "chain", "inet", "faults", "in", "{ type filter hook input priority 0; }")
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def _remove(self) -> None:
        for place in (*self._places, "bridge"):
            subprocess.run(("ip", "netns", "del", f"{PREFIX}-{place}"), check=False, capture_output=True)

    def _nft(self, place: str, *rule: str) -> None:
        run(*inside(place), "nft", *rule)

    def cut(self, source: str, target: str) -> None:
        """Let nothing come from one place to another."""
        self._nft(target, "add", "rule", "inet", "faults", "in", "ip", "saddr", self.address(source), "drop")

    def lose(self, source: str, target: str, percent: int) -> None:
        """Let some of it be lost."""
        from_there = (
            "ip",
            "saddr",
            self.address(source),
            "numgen",
            "random",
            "mod",
            "100",
            "<",
            str(percent),
            "drop",
        )
        self._nft(target, "add", "rule", "inet", "faults", "in", *from_there)

    def part(self, *sides: Sequence[str]) -> None:
        """Let nothing pass between places that are not on one side."""
        for side in sides:
            for other in sides:
                if side is not other:
                    for source in side:
                        for target in other:
                            self.cut(source, target)

    def heal(self) -> None:
        """Undo all."""
        for place in self._places:
            self._nft(place, "flush", "chain", "inet", "faults", "in")
