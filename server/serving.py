"""A node whole: its store, its door for clients and its peers, opened in order and closed in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

from bus.interface import Bus
from server.addresses import is_name
from server.clock import SystemClock
from server.config import PORT, Config, StartError
from server.garbage import Collector
from server.gateway import Gateway
from server.identity import Tokens, reload_keys
from server.naming import authority_of
from server.node import Node
from server.site import read_site
from server.store.interface import Store
from server.store.keeper import Keeper
from server.store.rows import StoreError
from server.tls import tls_of
from server.web import Site

logger = logging.getLogger(__name__)

CLOSING_SECONDS = 2.5
"""How long an ending may take beyond its drain before what still hangs is cut."""
LEAVING_SECONDS = 1.0
"""How long it may then take to tell the peers."""


@contextlib.asynccontextmanager
async def serving(
    config: Config,
    bus: Bus,
    tokens: Tokens,
    *,
    site: Path,
    next_free: bool = False,
    beside: Callable[[float], Awaitable[None]] | None = None,
) -> AsyncIterator[Node]:
    """Serve clients and peers within the block; at its end take leave of the clients, while `beside` is done.

    `beside` gets the seconds that it may take; the peers are told last, whatever came of the rest. `site` is the
    folder of the browser client, `next_free` as in `Gateway.listen`. Raises StartError, BusStartError.
    """
    node = Node(config, bus, tokens)
    gateway = Gateway(node, config, Site(read_site(site)), tls=tls_of(config))
    async with keeping(config) as node.store, reached(node, gateway, config, next_free=next_free, beside=beside):
        yield node


@contextlib.asynccontextmanager
async def keeping(config: Config) -> AsyncIterator[Store]:
    """Keep what outlives the processes within the block; at its end what waits is written. Raises StartError."""

    address = config.store_address
    keeper = Keeper(address, history_days=config.history_days, wall_ms=SystemClock().wall_ms)
    try:
        await keeper.open()
    except StoreError as error:
        raise StartError(f"the store at {address} cannot be opened: {error}") from error
    if address.has_password and dict(config.sources).get("store") == "option":
        logger.warning(
            "the password in --store is shown to everybody on this machine: give it in SWITCHBOARD_STORE, or as store"
            " in the file of --config"
        )
    try:
        yield keeper
    finally:
        await keeper.close()


@contextlib.asynccontextmanager
async def reached(
    node: Node,
    gateway: Gateway,
    config: Config,
    *,
    next_free: bool,
    beside: Callable[[float], Awaitable[None]] | None,
) -> AsyncIterator[None]:
    """Serve clients and peers of `node` within the block, as `serving` says."""
    collector = Collector(lambda: node.counters.received_voice + node.counters.sent_voice)
    host, port = await gateway.listen(next_free=next_free)
    drain_seconds = 0.0
    try:
        if next_free and config.port is None and port != PORT:
            logger.warning("port %d is in use: clients are served on port %d", PORT, port)
        authority = authority_of(config.host if is_name(config.host) else host, port)
        secure = "s" if gateway.tls else ""
        try:
            await node.start(url=f"ws{secure}://{authority}/ws", http=f"http{secure}://{authority}/")
        except StoreError as error:
            raise StartError(f"the store at {config.store_address} cannot be read: {error}") from error
        for remark in node.exposure.remarks(node.url):
            logger.warning("%s", remark)
        if config.public_url is None and (hint := node.exposure.hint(node.url)):
            logger.info("%s", hint)
        on_hangup(_readers(config, gateway, node.tokens))
        drain_seconds = config.drain_seconds
        collector.start()
        yield
    finally:
        collector.stop()
        within = drain_seconds + CLOSING_SECONDS
        try:
            async with ending_within(within):
                await asyncio.gather(gateway.drain(drain_seconds), *([beside(within)] if beside else ()))
        finally:
            try:
                async with ending_within(LEAVING_SECONDS):
                    await node.stop()
            finally:
                await gateway.close()


@contextlib.asynccontextmanager
async def ending_within(seconds: float) -> AsyncIterator[None]:
    """Cut the block after `seconds`, and go on."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        logger.warning("not everything ended in time")


def on_hangup(readers: Sequence[Callable[[], None]]) -> None:
    """Have SIGHUP read certificate and keys again instead of ending the process, where there are any."""

    def read() -> None:
        for reader in readers:
            reader()

    if readers and hasattr(signal, "SIGHUP"):
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, read)


def _readers(config: Config, gateway: Gateway, tokens: Tokens) -> list[Callable[[], None]]:
    """What reads the files again that a running node may be given anew."""
    found: list[Callable[[], None]] = []
    if gateway.tls:
        found.append(gateway.reload)
    if config.auth_key_file is not None:
        found.append(partial(reload_keys, tokens, config.auth_key_file, config.data_dir))
    return found
