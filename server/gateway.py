"""The port of a node: lets connections in, gives the node its ticks and each of them its deadline, and drains."""

from __future__ import annotations

import asyncio
import errno
import logging
import urllib.parse
from collections.abc import Callable, Sequence
from functools import partial

from server.acceptor import REPLIES, Acceptor
from server.addresses import is_loopback, network_of
from server.config import PORT, Config, StartError
from server.connection import Connection
from server.connection_http import write_reply
from server.deadlines import Wheel
from server.descriptors import capacity
from server.door import Door
from server.encrypted import Encrypted
from server.entrance import Entrance
from server.exposure import Exposure
from server.metrics import NodeMetrics
from server.node import Node
from server.outbox import HOLD_SECONDS
from server.proxies import Proxies
from server.tls import Tls
from server.web import Reply, Site, tls_only

logger = logging.getLogger(__name__)

PORTS_TRIED = 100
TICK_SECONDS = 0.1
TICKS_PER_SECOND = 10
FOLDER_TICKS = 50
"""How often the data folder is looked at: every five seconds."""
LOOK_TICKS = 6000
"""How often the certificate is looked at: every ten minutes."""
STANDSTILL_SECONDS = 0.2
"""Voice that waited while the loop stood still for longer may be too old (protocol.md section 6)."""

NEWCOMERS_SECONDS = 0.01
"""So much of a turn of the loop goes to those who have no session yet."""


class Gateway:
    """Listens for clients, and gives the node its ticks."""

    def __init__(self, node: Node, config: Config, site: Site | None = None, *, tls: Tls | None = None) -> None:
        """Make the port of `node`; with `tls` it speaks that and nothing else."""
        self.node = node
        self.tls = tls
        self.proxies = Proxies(config.trusted_proxies)
        self.schemes = ("https",) if tls else ("http", "https")
        """How pages of this node may be reached; without TLS nobody knows whether a proxy has put it before."""
        self.site = site or Site({})
        self.wheel: Wheel[Connection] = Wheel(now=node.clock.now())
        self.connections: set[Connection] = set()
        self.entrance: Entrance[Connection] = Entrance(
            most=config.connections if config.connections is not None else capacity(),
            address_most=config.address_connections,
            address_rate=config.address_handshakes,
        )
        node.turned_away = self.entrance.turned_away
        self.metrics = NodeMetrics(node, self.entrance)
        self.ticks = 0
        """How many ticks there have been."""
        self.unlimited = config.voice_fps == 0
        """Benchmarks may flood."""
        self._config = config
        self._held: set[Connection] = set()
        self._door: Door[Connection | Encrypted] = Door(NEWCOMERS_SECONDS)
        self._door_is_watched = False
        self._due = self._still_until = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._acceptor = Acceptor(
            self.entrance,
            partial(Connection, self),
            now=node.clock.now,
            tls=self._encrypt if tls else None,
            trusts=self.proxies.trusts,
        )
        self._timer: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Event | None = None
        self._refusal = write_reply(tls_only())

    async def listen(self, *, next_free: bool = False) -> tuple[str, int]:
        """Bind the port and begin to serve; returns host and port.

        `next_free` takes the next free port when none was asked for. Raises StartError.
        """
        self._loop = asyncio.get_running_loop()
        self.node.soon = self._loop.call_soon
        self.node.post.schedule = partial(self._loop.call_soon, self.node.post.flush)
        self.node.post.hold = partial(self._loop.call_later, HOLD_SECONDS, self.node.post.flush_held)
        self.node.post.report = partial(logger.exception, "a client could not be written to")
        wanted = PORT if self._config.port is None else self._config.port
        tries = PORTS_TRIED if next_free and self._config.port is None else 1
        host = self._config.host
        for port in range(wanted, min(wanted + tries, 65536)):
            try:
                address = await self._acceptor.listen(host, port)
                break
            except OSError as error:
                if error.errno != errno.EADDRINUSE or port == wanted + tries - 1:
                    raise StartError(_why_not(error, host, port)) from None
        self._tick(self.node.clock.now())
        self.show_exposure(address[0])
        return address

    def _encrypt(self, connection: Connection) -> asyncio.Protocol:
        assert self.tls is not None
        return Encrypted(connection, self.tls.context, refusal=self._refusal, lets_in=self.lets_in)

    def reload(self) -> None:
        """Read certificate and key again; nobody who is connected notices."""
        if self.tls is not None:
            self.tls.reload()
            self.show_exposure(self.node.exposure.host)

    def show_exposure(self, host: str) -> None:
        """Let the node know how clients come in at `host`."""
        self.node.exposure = Exposure.of(self._config, host, self.tls)

    async def drain(self, seconds: float) -> None:
        """Hand the clients to other nodes within `seconds` at most, then close what is left."""
        node = self.node
        node.departure.begin(seconds, final=True)
        await node.departure.emptied.wait()
        for connection in list(self.connections):
            connection.drain(node.farewell)
        await self._empty(1.0)

    async def close(self) -> None:
        """Stop listening and cut what is still connected."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for connection in list(self.connections):
            connection.abort()
        await self._acceptor.close()
        await self._empty(1.0)

    async def _empty(self, seconds: float) -> None:
        """Wait until nobody is connected, `seconds` at most."""
        if self.connections and seconds:
            self._emptied = asyncio.Event()
            try:
                async with asyncio.timeout(seconds):
                    await self._emptied.wait()
            except TimeoutError:
                pass
            finally:
                self._emptied = None

    def forget(self, connection: Connection) -> None:
        """A connection has ended."""
        self.connections.discard(connection)
        self.entrance.leave(connection)
        self._held.discard(connection)
        self.wheel.cancel(connection)
        if self._emptied is not None and not self.connections:
            self._emptied.set()

    def hold(self, connection: Connection) -> None:
        """Let `connection` be read again in the next tick."""
        self._held.add(connection)

    def lets_in(self, connection: Connection | Encrypted) -> bool:
        """Whether a connection that has no session yet may be read now; else it is, in one of the next turns.

        A crash or a flood brings thousands at once, and who is in goes on talking meanwhile.
        """
        now = self.node.clock.now()
        if not self._door_is_watched:
            self._door.open(now)
            self._watch_door()
        return self._door.enter(connection, now)

    def _watch_door(self) -> None:
        assert self._loop is not None
        self._door_is_watched = True
        self._loop.call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._door_is_watched = False
        self._door.open(self.node.clock.now())
        while (connection := self._door.next(self.node.clock.now())) is not None:
            if isinstance(connection, Encrypted) or connection in self.connections:
                self._read_on(connection)
        if self._door.has_line:
            self._watch_door()

    def _read_on(self, connection: Connection | Encrypted) -> None:
        """Read who stood in line; what fails in that ends this connection, and those behind it come in."""
        try:
            connection.read_held()
        except OSError:  # it has hung up meanwhile
            connection.abort()
        except Exception:
            logger.exception("a client could not be read")
            connection.abort()

    def has_stood_still(self) -> bool:
        """Whether what is read now may have waited in its socket, because this loop has just stood still."""
        now = self.node.clock.now()
        return now < self._still_until or now - self._due > STANDSTILL_SECONDS

    def look_behind(self, connection: Connection, forwarded: Sequence[str]) -> Reply | None:
        """Take the client of a trusted proxy for who it is; returns what it hears if it has come too often."""
        connection.ip = self.proxies.client(connection.ip, forwarded)
        address = network_of(connection.ip)
        refusal = self.entrance.comes_from(connection, address, self.node.clock.now())
        return None if refusal is None else REPLIES[refusal]

    def is_own_host(self, host: str) -> bool:
        """Whether a ``Host`` header can mean this node, so that no foreign name that leads here passes for it."""
        name = urllib.parse.urlsplit(f"//{host}").hostname or ""
        public = urllib.parse.urlsplit(self._config.public_url or "").hostname
        certified = self.tls is not None and self.tls.certificate.is_for(name)
        return not is_loopback(self._config.host) or name == public or certified or is_loopback(name)

    def _look_at_entrance(self, now: float) -> None:
        """Forget who has not come of late, and say once a second who was turned away."""
        self.entrance.forget(now)
        if news := self.entrance.news():
            logger.warning("%s", news)

    def _tick(self, due: float) -> None:
        assert self._loop is not None
        now = self.node.clock.now()
        late = max(0.0, now - due)
        if late > STANDSTILL_SECONDS:
            self._still_until = now + TICK_SECONDS  # what it meets next may be read after this tick
        self._due = due = max(due + TICK_SECONDS, now)
        self._timer = self._loop.call_later(max(0.0, due - now), self._tick, due)
        self.ticks += 1
        if self.tls is not None and self.ticks % LOOK_TICKS == 1:
            self.tls.look(self.node.clock.wall_ms())
        if self.ticks % FOLDER_TICKS == 0:
            self.node.folder.look()
        held, self._held = self._held, set()
        due_now: list[Callable[[], None]] = [connection.expire for connection in self.wheel.advance(now)]
        due_now.append(partial(self.node.tick, late))
        due_now.extend(connection.read_held for connection in held)
        if self.ticks % TICKS_PER_SECOND == 0:
            due_now.append(partial(self._look_at_entrance, now))
        for act in due_now:
            try:
                act()
            except Exception:
                logger.exception("what was due in a tick failed")


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: stop what listens there or choose another with --port"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} on {host} may not be used by this user: choose one above 1023 with --port"
    return f"cannot listen on {host} port {port}: {error.strerror or error}; choose another --host or --port"
