"""A network of hosts in namespaces of their own: each packet between them passes this process, and meets its fate.

    python -m tests.faults.switch 127.77.5 a b c

Each host is a network namespace with a TUN device. Its address may be on loopback, since nodes without a cluster key
listen there alone, or of IPv6, as ``fd00:77:5``; the kernel's TCP runs over it as over any wire. It prints where the
hosts are, takes orders as lines of JSON, and answers each. The namespaces have no names and vanish with this process,
however it ends.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from tests.faults.fate import HOSTS, Fate, address_of, read_fate

DEVICE = "wire"
MTU = 1500
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_TUNSETIFF, _TUN_WITHOUT_HEAD = 0x400454CA, 0x1001
_TCP, _SYN, _ACK = 6, 0x02, 0x10
_MULTICAST = 0xFF
ADDRESSES = 3
"""Of a host with a /64."""


class Refused(Exception):
    """Namespaces are not to be had here."""


class Host:
    """A namespace, held by a child process that waits for this one to end."""

    def __init__(self, net: str, number: int) -> None:
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            _hold(theirs, net, number)
        theirs.close()
        word, descriptors, _, _ = socket.recv_fds(ours, 1000, 1)
        if not descriptors:
            raise Refused(word.decode() or "the child that should have made a namespace died")
        self.wire = descriptors[0]
        self._tie = ours
        """Its end is the end of the child."""


def _hold(tie: socket.socket, net: str, number: int) -> NoReturn:
    """Be the process of a namespace: make it, hand over its wire, wait. Never returns."""
    try:
        wire = _make(net, number)
        socket.send_fds(tie, [b"made"], [wire])
        os.close(wire)
        os.close(0)
        tie.recv(1)
    except (OSError, subprocess.CalledProcessError) as error:
        why = error.stderr.decode().strip() if isinstance(error, subprocess.CalledProcessError) else str(error)
        tie.send(why.encode()[:1000])
    finally:
        os._exit(0)


def _make(net: str, number: int) -> int:
    """Enter a fresh namespace and give it an address; returns the other end of its wire."""
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_NET if user == 0 else _NEW_NET | _NEW_USER) != 0:
        raise OSError(ctypes.get_errno(), "no network namespace may be made")
    if user != 0:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"0 {user} 1")
        _write("/proc/self/gid_map", f"0 {group} 1")
    wire = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(wire, _TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), _TUN_WITHOUT_HEAD))
    _write("/proc/sys/net/ipv4/conf/all/route_localnet", "1")
    for words in ("link set lo up", f"link set {DEVICE} mtu {MTU} up", *_ways(net, number)):
        subprocess.run(["ip", *words.split()], check=True, capture_output=True)
    return wire


def _ways(net: str, number: int) -> Iterator[str]:
    """What `ip` has to do for a host to have its address, and to reach the others."""
    address = address_of(net, number)
    if ":" not in net:
        yield f"addr add {address}/32 dev {DEVICE} scope global"
        yield f"route add unicast {net}.0/24 dev {DEVICE} src {address} table local"
        return
    for last in range(ADDRESSES, 0, -1):
        yield f"-6 addr add {net}:{number}::{last}/128 dev {DEVICE} nodad"
    yield f"-6 route add {net}::/48 dev {DEVICE} src {address}"


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


class Switch:
    """Passes packets between the wires of hosts."""

    def __init__(self, net: str, names: Sequence[str]) -> None:
        self.hosts = {name: Host(net, number) for number, name in enumerate(names, 1)}
        self._numbers = {name: number for number, name in enumerate(names, 1)}
        self._names = {number: name for name, number in self._numbers.items()}
        self._wires = {self._numbers[name]: host.wire for name, host in self.hosts.items()}
        self._senders = {wire: number for number, wire in self._wires.items()}
        self._fates: dict[tuple[int, int], Fate] = {}
        self._due: dict[tuple[int, int], float] = {}
        """When the packet that was put on its way last arrives."""
        self._under_way: list[tuple[float, int, int, bytes]] = []
        self._put = 0
        self._counts: dict[tuple[int, int], Counter[str]] = {}

    def run(self) -> None:
        """Pass packets until standard input ends."""
        orders, waiting = b"", [0, *self._senders]
        while True:
            patience = max(0.0, self._under_way[0][0] - time.monotonic()) if self._under_way else None
            for descriptor in select.select(waiting, [], [], patience)[0]:
                if descriptor:
                    self._read(descriptor)
                else:
                    if not (data := os.read(0, 65536)):
                        return
                    *lines, orders = (orders + data).split(b"\n")
                    for line in lines:
                        answer(self._obey(json.loads(line)))
            self._deliver(time.monotonic())

    def _obey(self, order: dict[str, Any]) -> dict[str, Any]:
        if "from" in order:
            self._fates[self._numbers[order["from"]], self._numbers[order["to"]]] = read_fate(order)
        return {
            f"{self._names[source]}>{self._names[target]}": counts
            for (source, target), counts in self._counts.items()
        }

    def _read(self, wire: int) -> None:
        source = self._senders[wire]
        for _ in range(64):
            try:
                packet = os.read(wire, 65536)
            except BlockingIOError:
                return
            if (target := _target(packet)) in self._wires:
                self._pass(source, target, packet)

    def _pass(self, source: int, target: int, packet: bytes) -> None:
        way = source, target
        fate = self._fates.get(way)
        counts = self._counts.setdefault(way, Counter())
        head, kind = (40, packet[6]) if packet[0] >> 4 == 6 else ((packet[0] & 15) * 4, packet[9])
        if kind == _TCP and packet[head + 13] & (_SYN | _ACK) == _SYN:
            counts[f"opened {int.from_bytes(packet[head + 2 : head + 4])}"] += 1
        if fate is None:
            self._write(target, packet)
        elif fate.black or random.random() < fate.loss:
            counts["lost"] += 1
            return
        else:
            copies = 2 if random.random() < fate.twice else 1
            counts["twice"] += copies - 1
            now = time.monotonic()
            on_way = fate.delay + fate.jitter * random.uniform(-1, 1)
            due = max(now + on_way, self._due.get(way, 0.0) + (len(packet) / fate.rate if fate.rate else 0.0))
            if due <= now:
                for _ in range(copies):
                    self._write(target, packet)
            else:
                self._due[way] = due
                for _ in range(copies):
                    self._put += 1
                    heapq.heappush(self._under_way, (due, self._put, target, packet))
        counts["carried"] += 1

    def _deliver(self, now: float) -> None:
        while self._under_way and self._under_way[0][0] <= now:
            _, _, target, packet = heapq.heappop(self._under_way)
            self._write(target, packet)

    def _write(self, target: int, packet: bytes) -> None:
        try:
            os.write(self._wires[target], packet)
        except OSError:
            pass  # its queue is full: lost, as on any wire


def _target(packet: bytes) -> int:
    """The number of the host for which a packet is; 0 for what is for none alone."""
    if packet[0] >> 4 == 6:
        return 0 if packet[24] == _MULTICAST else packet[31]
    return packet[19] if packet[0] >> 4 == 4 else 0


def answer(message: dict[str, Any]) -> None:
    """Print one line."""
    os.write(1, json.dumps(message).encode() + b"\n")


def main(net: str, *names: str) -> int:
    """Run a network; returns 1 where there can be none."""
    assert len(names) <= HOSTS
    try:
        switch = Switch(net, names)
    except (Refused, OSError) as error:
        answer({"refused": str(error)})
        return 1
    answer({"hosts": {name: host.pid for name, host in switch.hosts.items()}})
    switch.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
