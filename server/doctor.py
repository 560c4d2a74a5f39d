"""Looks at what a console or a node needs on this machine, and says of each thing how it stands and what to do."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import dataclasses
import datetime
import enum
import http.client
import os
import shutil
import socket
import stat
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from bus import private
from server import ports
from server.addresses import bracketed, host_port, is_loopback
from server.config import PORT, Config, StartError
from server.descriptors import for_clients
from server.exposure import Exposure
from server.identity import key_file, load_keys
from server.store.rows import StoreError
from server.tls import DAY_MS, WARN_DAYS, ending, tls_of

OLDEST_PYTHON = (3, 11)
MESH_PORT = 8766
"""The first port that a mesh tries where none is given."""
FEW_DESCRIPTORS, NO_DESCRIPTORS = 4_096, 256
"""Below the first a node with many clients runs out of them, below the second almost any."""
LITTLE_SPACE, NO_SPACE = 500_000_000, 50_000_000
YEARS = range(2025, 2100)
ANSWER_SECONDS = 1.0
_ZEROMQ_GREETING = (0xFF, 0x7F)
"""First and tenth byte of what a mesh socket says to whom connects (ZMTP 3)."""
_GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"CURVE".ljust(20, b"\0") + bytes(32)
"""What a mesh socket says first that connects to one with a key."""
_FIRST_BYTES = 11
"""Its signature and version."""
CLUSTER_KEY_BYTES = 32
_MAKE_KEY = "make one with `main.py cluster-key make`, or bring that of the other nodes"
_TIME_ERROR = 5
"""What adjtimex answers where nobody keeps the clock right."""


class Standing(enum.StrEnum):
    """How something stands."""

    OK = "ok"
    WARN = "warn"
    """It works, and could be better."""
    WRONG = "wrong"
    """A console or a node cannot start, or fails in time."""


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one thing."""

    standing: Standing
    thing: str
    text: str
    remedy: str = ""
    """The one thing to do."""

    def line(self) -> str:
        """All of it in one line."""
        return f"{self.standing:6}{self.thing:12}{self.text}{f': {self.remedy}' if self.remedy else ''}"


def ok(thing: str, text: str) -> Finding:
    """Nothing to do."""
    return Finding(Standing.OK, thing, text)


def warn(thing: str, text: str, remedy: str) -> Finding:
    """Something to do, some day."""
    return Finding(Standing.WARN, thing, text, remedy)


def wrong(thing: str, text: str, remedy: str = "") -> Finding:
    """Something to do before anything else."""
    return Finding(Standing.WRONG, thing, text, remedy)


def examine(config: Config, new_loop: Callable[[], asyncio.AbstractEventLoop] | None) -> Iterator[Finding]:
    """Look at everything but Qt, for who would start with `config`; a node would run on `new_loop`."""
    yield python()
    yield event_loop(new_loop)
    yield client_port(config)
    yield mesh_port(config)
    yield cluster_key(config)
    yield from (peer(address, keyed=config.cluster_key_file is not None) for address in config.peers)
    yield data_folder(config.data_dir)
    yield store(config)
    yield key(config)
    yield from encryption(config, time.time())
    yield clock(time.time())
    yield descriptors()


def python(version: tuple[int, int, int] = sys.version_info[:3]) -> Finding:
    """The Python that runs this."""
    shown, oldest = (".".join(map(str, each)) for each in (version, OLDEST_PYTHON))
    if version < OLDEST_PYTHON:
        return wrong("Python", f"{shown} is too old", f"use {oldest} or newer, `make run` finds one")
    return ok("Python", shown)


def event_loop(new_loop: Callable[[], asyncio.AbstractEventLoop] | None) -> Finding:
    """The loop that a node without a window runs on."""
    loop = (new_loop or asyncio.new_event_loop)()
    try:
        loop.run_until_complete(asyncio.sleep(0))
    except (OSError, RuntimeError) as error:
        return wrong("event loop", f"it does not run, {error}", "`make run` installs what is missing")
    finally:
        loop.close()
    if new_loop is None and sys.platform != "win32":
        return warn("event loop", "uvloop is missing, so nodes serve fewer clients", "`make run` installs it")
    return ok("event loop", f"nodes run on {type(loop).__module__.partition('.')[0]}")


def client_port(config: Config) -> Finding:
    """Where clients connect."""
    wanted = PORT if config.port is None else config.port
    why = ports.obstacle(_address_of(config.host), wanted)
    if why is None:
        return ok("port", f"{config.host}:{wanted} is free" if wanted else f"{config.host} has a free one")
    why = f"{why.rstrip('.')}{holder(config.host, wanted)}"
    free = ports.next_free(_address_of(config.host), wanted + 1)
    if config.port is None and free is not None and "in use" in why:
        return warn("port", f"{why}, a console takes {free} instead", f"give a node --port {free}")
    return wrong("port", why, f"give --port {free}" if free and "in use" in why else "give --host or --port another")


def _address_of(host: str) -> str:
    """An address of the host of a node, which may be given by name; the name itself where nobody knows it."""
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except (OSError, UnicodeError):
        return host


def mesh_port(config: Config) -> Finding:
    """Where the mesh listens."""
    if config.bus == "memory":
        return ok("mesh", "not needed with --bus memory")
    wanted = MESH_PORT if config.bus_port is None else config.bus_port
    why = ports.obstacle(config.bus_host, wanted)
    if why is None:
        return ok("mesh", f"{config.bus_host}:{wanted} is free" if wanted else f"{config.bus_host} has a free port")
    free = ports.next_free(config.bus_host, wanted + 1)
    if config.bus_port is None and free is not None and "in use" in why:
        held = f"{why.rstrip('.')}{holder(config.bus_host, wanted)}"
        return ok("mesh", f"{held}, {config.bus_host}:{free} is free and is taken instead")
    return wrong(
        "mesh",
        f"{why.rstrip('.')}{holder(config.bus_host, wanted)}",
        f"give --bus-port {free}" if free and "in use" in why else "give --bus-host or --bus-port another",
    )


def holder(host: str, port: int) -> str:
    """Who listens there, as the end of a sentence; empty where that cannot be known."""
    try:
        pids = {
            each.pid
            for each in psutil.net_connections(kind="tcp")
            if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port
        }
        names = sorted({f"{psutil.Process(pid).name()}, process {pid}" for pid in pids if pid})
    except (psutil.Error, OSError):
        names = []
    by = f" by {names[0]}" if names else ""
    return f"{by}, which is a Switchboard node" if by and _is_node(host, port) else by


def _is_node(host: str, port: int) -> bool:
    try:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(f"http://{bracketed(host)}:{port}/healthz", timeout=ANSWER_SECONDS) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError, http.client.HTTPException):
        return False


def cluster_key(config: Config) -> Finding:
    """The secret of the mesh."""
    file = config.cluster_key_file
    if config.bus == "memory":
        return ok("cluster key", "not needed with --bus memory")
    if file is None:
        return ok("cluster key", "none, so the mesh stays on this machine")
    try:
        data, exposed = private.look(file)
    except OSError as error:
        return wrong("cluster key", f"{file} cannot be read ({error.strerror or error})", _MAKE_KEY)
    if exposed:
        return wrong("cluster key", f"{file} can be read by everybody", f"chmod 600 {file}")
    if (size := len(data.strip())) < CLUSTER_KEY_BYTES:
        return wrong("cluster key", f"{file} has {size} bytes, {CLUSTER_KEY_BYTES} is the least", _MAKE_KEY)
    return ok("cluster key", str(file))


def peer(address: str, *, keyed: bool = False) -> Finding:
    """A node that the mesh shall join through, in a mesh with a key or without."""
    host, port = host_port(address)
    remedy = "give --peer the `bus` of the ready line of a node that runs"
    greeting = b""
    try:
        with socket.create_connection((host, port), timeout=ANSWER_SECONDS) as probe:
            # Who is told that much says all of its own, or waits for the rest.
            for words in (_GREETING[:_FIRST_BYTES], _GREETING[_FIRST_BYTES:]):
                if greeting and (greeting[0] != _ZEROMQ_GREETING[0] or len(greeting) == len(_GREETING)):
                    break
                probe.sendall(words)
                with contextlib.suppress(TimeoutError):
                    while len(greeting) < len(_GREETING) and (piece := probe.recv(len(_GREETING) - len(greeting))):
                        greeting += piece
    except TimeoutError:
        pass  # it listens, and says nothing
    except OSError as error:
        return wrong("peer", f"{address} does not answer ({error.strerror or error})", remedy)
    if len(greeting) < 10 or (greeting[0], greeting[9]) != _ZEROMQ_GREETING:
        return wrong("peer", f"{address} is no mesh address", remedy)
    asks = greeting[12:32].rstrip(b"\0") == b"CURVE"
    if len(greeting) == len(_GREETING) and asks != keyed:
        why = "has a key and this node has none" if asks else "has no key and this node has one"
        return wrong("peer", f"{address} {why}", "give all nodes the same --cluster-key-file")
    clock = ", and shares this machine's clock" if is_loopback(host) else ""
    return ok("peer", f"{address} answers{clock}")


def store(config: Config) -> Finding:
    """Where what must last is kept; it is left as it is."""
    address = config.store_address
    if address.kind == "sqlite" and not Path(address.url).exists():
        return ok("store", f"{address}, made at the first start")
    from server.store.database import Database

    try:
        current = asyncio.run(Database(address).look())
    except StoreError as error:
        return wrong("store", f"{address} cannot be used: {error}", "make it usable or give --store another")
    return ok("store", f"{address}" + ("" if current else ", its tables are brought up to date at the start"))


def data_folder(folder: Path) -> Finding:
    """Where keys, identity and logs are kept."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    remedy = "make it writable or give --data-dir another"
    try:
        if there == folder:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(bytes(4096))
                file.flush()
        elif not there.is_dir() or not os.access(there, os.W_OK | os.X_OK) or _is_read_only(there):
            return wrong("data folder", f"{folder} cannot be made", remedy)
        free = shutil.disk_usage(there).free
    except OSError as error:
        return wrong("data folder", f"{folder} cannot be written ({error.strerror or error})", remedy)
    shown = f"{free // 1_000_000} MB are free"
    if free < NO_SPACE:
        return wrong("data folder", f"{folder}, {shown}", "make room there or give --data-dir another")
    if free < LITTLE_SPACE:
        return warn("data folder", f"{folder}, {shown}", "make room there")
    if there == folder and os.name == "posix" and (mode := stat.S_IMODE(folder.stat().st_mode)) & 0o077:
        return warn("data folder", f"{folder} is open to others ({mode:04o})", f"chmod 700 {folder}")
    return ok("data folder", f"{folder}, {shown}{'' if there == folder else '; made at the first start'}")


def _is_read_only(folder: Path) -> bool:
    """Whether its file system is; permission alone does not tell it to root."""
    return os.name == "posix" and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def key(config: Config) -> Finding:
    """The key of access tokens."""
    file = key_file(config.auth_key_file, config.data_dir)
    if config.auth_key_file is None and not file.exists():
        return ok("key", f"{file} is made at the first start")
    try:
        found = [each.algorithm for each in load_keys(file, config.data_dir)]
        mode = stat.S_IMODE(file.stat().st_mode)
    except StartError as error:
        return wrong("key", str(error))
    except OSError as error:
        return wrong("key", f"{file} cannot be read ({error.strerror or error})", "give --auth-key-file another")
    if os.name == "posix" and found[0] == "HS256" and mode & 0o077:
        return warn("key", f"{file} is open to others ({mode:04o})", f"chmod 600 {file}")
    return ok("key", f"{file}, {' and '.join(found)}")


def encryption(config: Config, now: float) -> Iterator[Finding]:
    """TLS towards the clients, where it is wanted or missing."""
    try:
        tls = tls_of(config)
    except StartError as error:
        yield wrong("TLS", str(error))
        return
    if tls is None:
        if Exposure.of(config, config.host).is_open:
            remedy = "give --tls-cert and --tls-key, or put a proxy that speaks TLS in front"
            yield warn("TLS", f"clients on {config.host} are served without, browsers refuse the microphone", remedy)
        return
    left = tls.certificate.expires - int(now * 1000)
    if left <= WARN_DAYS * DAY_MS:
        text, _, remedy = ending(left).partition(": ")
        yield (warn if left > 0 else wrong)("TLS", text, remedy)
        return
    yield ok("TLS", f"the certificate is for {', '.join(tls.certificate.names)}, {left // DAY_MS} days more")


def clock(now: float) -> Finding:
    """The clock, on which tokens and the times of texts rest."""
    date = datetime.datetime.fromtimestamp(now, datetime.UTC)
    if date.year not in YEARS:
        return wrong(
            "clock", f"it shows {date:%Y-%m-%d}, so every token is expired", "set it: timedatectl set-ntp true"
        )
    if is_kept_right() is False:
        return warn("clock", f"{date:%Y-%m-%d %H:%M} UTC, and nobody keeps it right", "timedatectl set-ntp true")
    return ok("clock", f"{date:%Y-%m-%d %H:%M} UTC")


def is_kept_right() -> bool | None:
    """Whether the system says that something (NTP) keeps its clock right; None where it does not say."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(512))
    except (OSError, AttributeError):
        return None
    return None if answer < 0 else answer != _TIME_ERROR


def descriptors() -> Finding:
    """How many files and sockets a process may have open."""
    if sys.platform == "win32":
        return ok("open files", "this system sets no limit")
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)  # a node raises the other one by itself
    if hard == resource.RLIM_INFINITY or hard >= FEW_DESCRIPTORS:
        return ok("open files", "without limit" if hard == resource.RLIM_INFINITY else f"{hard} at once")
    text = f"{hard} at once, which is enough for {for_clients(hard)} clients"
    remedy = "raise the hard limit: see `man limits.conf`"
    return (wrong if hard < NO_DESCRIPTORS else warn)("open files", text, remedy)
