"""CURVE on the sockets of a mesh: its key pair, who may connect, and the reasons of those who may not."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence

import zmq
from zmq.utils import z85

from bus.interface import Reason
from bus.membership import TICK_SECONDS
from bus.packets import KeyId
from bus.rotation import Rotation
from bus.secret import Secret, SecretFile
from bus.zeromq_address import plain_host
from bus.zeromq_drain import Drain

_log = logging.getLogger("switchboard.bus")

DOMAIN = b"switchboard"
ID_CHARS = 16

_MISMATCH, _CRYPTOGRAPHIC = 0x11000002, 0x11000001
_UNEXPECTED_COMMAND = 0x10000001
"""What libzmq says of a HELLO that was made for another server's key."""

FAILED = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH
"""What a monitor tells of a handshake that did not succeed."""


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """The one key pair of a mesh: every node is server and client with it."""

    id: KeyId
    public: bytes
    secret: bytes = dataclasses.field(repr=False)

    @classmethod
    def of(cls, secret: Secret) -> Key:
        """The pair that a secret makes."""
        private = z85.encode(secret.mesh)
        public = zmq.curve_public(private)
        return cls(hashlib.sha256(z85.decode(public)).hexdigest()[:ID_CHARS], public, private)

    @property
    def raw(self) -> bytes:
        """Its secret half as bytes."""
        return z85.decode(self.secret)

    @property
    def fingerprint(self) -> str:
        """Its id as people compare it."""
        return fingerprint_of(self.id)

    def serve(self, sock: zmq.Socket[bytes]) -> None:
        """Let what is bound from now on take this key alone, and ask `Gate` who may come in."""
        sock.setsockopt(zmq.CURVE_SERVER, 1)
        sock.setsockopt(zmq.CURVE_SECRETKEY, self.secret)
        sock.setsockopt(zmq.ZAP_DOMAIN, DOMAIN)
        sock.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)

    def call(self, sock: zmq.Socket[bytes]) -> None:
        """Let what is connected from now on be a mesh with this key or nobody."""
        sock.setsockopt(zmq.CURVE_SERVERKEY, self.public)
        sock.setsockopt(zmq.CURVE_PUBLICKEY, self.public)
        sock.setsockopt(zmq.CURVE_SECRETKEY, self.secret)


class Ring:
    """The keys that a node has, and which it uses for what, while the file of the secret is followed."""

    def __init__(self, file: SecretFile) -> None:
        self._file = file
        self._keys: dict[KeyId, tuple[Key, Secret]] = {}
        self.rotation = Rotation(*self._read(), ticks=round(file.age / TICK_SECONDS))

    @property
    def keys(self) -> tuple[Key, ...]:
        """Those that hold: what this node listens with, then the other."""
        return tuple(self._keys[id][0] for id in self.rotation.keys)

    @property
    def ids(self) -> tuple[KeyId, ...]:
        """The same by their ids."""
        return self.rotation.keys

    def find(self, ids: Sequence[KeyId]) -> Key | None:
        """The key with which a node listens that tells these ids, if it holds here."""
        return self._keys[ids[0]][0] if ids and ids[0] in self.rotation.keys else None

    def after(self, key: Key) -> Key:
        """The key to try where this one was refused."""
        keys = self.keys
        return keys[(keys.index(key) + 1) % len(keys)] if key in keys else keys[0]

    def derived(self, purpose: str) -> list[bytes]:
        """What the secrets make for a purpose, in the order of `keys`."""
        return [self._keys[id][1].derive(purpose) for id in self.rotation.keys]

    def look(self, ticks: int) -> bool:
        """Look at the file; returns whether the secret was changed."""
        before = self._file.fault
        changed = self._file.look()
        if self._file.fault and self._file.fault != before:
            _log.warning("the cluster key stays as it was: %s", self._file.fault)
        if changed:
            self.rotation.learn(*self._read(), ticks=ticks, age=round(self._file.age / TICK_SECONDS))
            _log.info("the cluster key is changed to %s", Key.of(self._file.current).fingerprint)
        return changed

    def _read(self) -> tuple[KeyId, KeyId | None]:
        found = [secret for secret in (self._file.current, self._file.previous) if secret is not None]
        pairs = [(Key.of(secret), secret) for secret in found]
        self._keys = {key.id: (key, secret) for key, secret in pairs}
        return pairs[0][0].id, pairs[1][0].id if len(pairs) > 1 else None


def fingerprint_of(id: KeyId) -> str:
    """An id in groups of four."""
    return " ".join(id[at : at + 4] for at in range(0, len(id), 4))


class Gate:
    """Answers ZeroMQ's question who may connect (RFC 27): whoever has a key of the mesh, and nobody else."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        refused: Callable[[str, Reason], None],
        *,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Must be made before anything is bound. `refused` is told the host of whoever may not."""
        self._refused = refused
        self._keys: frozenset[bytes] = frozenset()
        self._socket = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind("inproc://zeromq.zap.01")
        self._drain = Drain(self._socket, self._socket.recv_multipart, self._on_request, loop=loop)

    def admit(self, keys: Iterable[Key]) -> None:
        """Let these in from now on, and no others."""
        self._keys = frozenset(z85.decode(key.public) for key in keys)

    def now(self) -> None:
        """See `Drain.now`."""
        self._drain.now()

    def close(self) -> None:
        """Let nobody in any more."""
        self._drain.close()
        self._socket.close()

    def _on_request(self, parts: list[bytes]) -> None:
        if len(parts) < 8:
            return  # none of libzmq's; unanswered, nobody comes in
        route, _, version, request, domain, address, _, mechanism, *credentials = parts
        host = address.decode(errors="replace")
        good = mechanism == b"CURVE" and domain == DOMAIN and len(credentials) == 1 and credentials[0] in self._keys
        code, text = (b"200", b"OK") if good else (b"400", b"not a key of this mesh")
        self._socket.send_multipart([route, b"", version, request, code, text, b"", b""], zmq.NOBLOCK)
        self._drain.soon()
        if not good:
            self._refused(plain_host(host), Reason.KEY)


def reason_of(event: int, value: int) -> Reason | None:
    """Why a handshake failed at a socket that was bound, by what its monitor says; None where `Gate` has said it."""
    if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
        return None
    if event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
        if value == _MISMATCH:
            return Reason.PLAIN
        return Reason.KEY if value in (_CRYPTOGRAPHIC, _UNEXPECTED_COMMAND) else Reason.GARBAGE
    return Reason.SILENT
