"""What a node was told, checked: the options of protocol.md section 1 as values."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import platformdirs

from bus.interface import Bounds
from server.session import Role
from server.store.address import StoreAddress

STORE_FILE = "store.db"
PORT = 8765
"""Where clients connect if nothing else was said, and where the console begins to look for a free one."""


class ConfigError(Exception):
    """A wrong option; the text is one sentence that names it and says why. The process exits with 2."""


class StartError(Exception):
    """The node cannot start; the text is one sentence that says what to do. The process exits with 3."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The options of a console or a node (protocol.md section 1)."""

    name: str
    """Shown to people; empty where none was given, until the node's id is known (see `default_name`)."""
    host: str = "127.0.0.1"
    port: int | None = None
    """None: 8765, and in the console the next free one; 0: any free one."""
    bus: Literal["zeromq", "memory"] = "zeromq"
    bus_host: str = "127.0.0.1"
    bus_port: int | None = None
    """None: 8766 or the next free one; 0: any free one."""
    bus_advertise: str = ""
    """Host, perhaps with a port, that other nodes are told; empty: as `bus_host`, or where a peer reached it."""
    peers: tuple[str, ...] = ()
    """``host:port`` of each."""
    cluster_key_file: Path | None = None
    """Secret of the mesh; None: it has none, and stays on loopback."""
    auth: Literal["open", "token"] = "open"
    auth_key_file: Path | None = None
    """None: made in `data_dir` at the first start."""
    data_dir: Path
    origins: tuple[str, ...] = ()
    """Allowed ``Origin`` values beside the same origin; ``*`` allows all."""
    public_url: str | None = None
    tls_cert: Path | None = None
    """Certificates of the port, its own first; None: it speaks no TLS."""
    tls_key: Path | None = None
    """Given if and only if `tls_cert` is."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of the proxies that are believed for whom they speak."""
    resume_seconds: int = 300
    """How long a session whose connection is lost can resume."""
    lost_seconds: float = 30.0
    """When members are told that it is lost."""
    drain_seconds: float = 5.0
    voice_fps: int = 55
    """Voice frames a second that one speaker may send; 0 for no limit."""
    connections: int | None = None
    """How many may be open at once; None: what the limit of open files leaves, 0: no limit."""
    address_connections: int = 256
    """How many of them of one address, of IPv6 of one /64; 0: no limit. Loopback has none of this kind."""
    address_handshakes: int = 20
    """New connections a second of one address, five times as many at once; 0: no limit."""
    address_requests: int = 500
    """Requests a second of all sessions of one address, four times as many at once; 0: no limit."""
    log_format: Literal["text", "json"] = "json"
    log_records: int = Bounds().records
    """Texts that the node keeps, of all nodes together."""
    log_bytes: int = Bounds().size
    log_seconds: float = Bounds().seconds
    store: StoreAddress | None = None
    """What outlives the processes; None: SQLite in `data_dir`."""
    history_days: int = 30
    """How long the store keeps what was said; 0: not at all."""
    ends_with_parent: bool = False
    """Whether the end of standard input means what SIGTERM means: the console that launched this node is gone."""
    sources: tuple[tuple[str, str], ...] = dataclasses.field(default=(), compare=False)
    """Field and who gave its value: ``option``, ``environment``, ``demo`` or a file; all else is a default."""
    demo_seed: int | None = None
    """A console shows a demo, the one of this number; None for none."""

    @property
    def store_address(self) -> StoreAddress:
        """Where the store is."""
        return self.store or StoreAddress.of_file(str(self.data_dir / STORE_FILE))

    @property
    def bounds(self) -> Bounds:
        """How much of the logs, and of the list made from them, the node keeps."""
        return Bounds(records=self.log_records, size=self.log_bytes, seconds=self.log_seconds)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """The options of ``token``."""

    user: str
    role: Role = Role.USER
    name: str | None = None
    ttl: int = 3600
    """Seconds until the token expires."""
    rooms: tuple[str, ...] | None = None
    """Names and patterns of the rooms that a moderator is limited to; None: every room."""
    auth_key_file: Path | None = None
    data_dir: Path


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest:
    """The options of ``cluster-key``."""

    action: Literal["make", "show", "rotate"]
    file: Path
    new: Path | None = None
    """What to change to; None makes a new one."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """The options of ``audit``."""

    action: Literal["verify", "export"]
    store: StoreAddress
    format: Literal["csv", "json"] = "csv"
    """Of an export."""
    against: tuple[StoreAddress, ...] = ()
    """Stores of other nodes, whose hashes are to fit too."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRequest:
    """The options of ``tls self-signed``."""

    hosts: tuple[str, ...]
    """Names and addresses that clients will use."""
    days: int = 365
    """How long it holds."""
    out: Path
    """The folder for the two files."""
    force: bool = False
    """Whether files that are there may be replaced."""


def default_data_dir() -> Path:
    """Tell the per-user data folder."""
    return Path(platformdirs.user_data_dir("switchboard", appauthor=False))
