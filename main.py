"""Switchboard: reads what it was told, puts the parts together and runs them; the only module that knows all."""

from __future__ import annotations

import gc
import os
import signal
import sys
from importlib.util import find_spec

if __name__ == "__main__":
    gc.set_threshold(100_000)  # what is loaded now stays: to look for garbage in it takes a tenth of the start
    for _signum in (signal.SIGINT, signal.SIGTERM):
        # First of all, as the other imports take a while. Nobody is served before an `Ending` takes over.
        signal.signal(_signum, lambda *_: os._exit(0))
    if _missing := [
        _name for _name in ("msgspec", "websockets", "zmq", "jwt", "psutil", "sqlalchemy") if find_spec(_name) is None
    ]:
        os.write(
            2, f"switchboard: Python packages are missing ({', '.join(_missing)}): `make run` has them\n".encode()
        )
        sys.exit(1 if "doctor" in sys.argv else 3)

import asyncio
import contextlib
import dataclasses
import itertools
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bus.interface import Bus, BusStartError
from bus.keys import Identity, claim
from server import journal, options
from server.config import AuditRequest, CertificateRequest, Config, ConfigError, KeyRequest, StartError, TokenRequest
from server.identity import Key, Tokens, key_file, load_key, load_keys, mint
from server.naming import default_name, operator_name
from server.plaintext import plain

# What only some commands need is imported by them, so that the others, and a wrong option, are answered at once.
if TYPE_CHECKING:
    from server.node import Node

logger = logging.getLogger("switchboard")

RESOURCES = Path(__file__).resolve().parent / "resources"


def main(arguments: Sequence[str]) -> int:
    """Run a command; returns the exit code of protocol.md section 1."""
    open_standard_streams()
    try:
        command, rest = options.read_command(arguments)
        if command == "token":
            return print_token(options.read_token_request(rest))
        if command == "cluster-key":
            return tend_cluster_key(options.read_key_request(rest))
        if command == "tls":
            return make_certificate(options.read_certificate_request(rest))
        if command == "audit":
            return look_at_audit(options.read_audit_request(rest))
        if command == "players":
            return run_players()
        if command == "doctor":
            return examine(options.read_config(command, rest))
        with contextlib.ExitStack() as stack:
            config = options.read_config(command, rest)
            if config.demo_seed is not None:
                from server.demo.stage import demo_config

                config = stack.enter_context(demo_config(config))
            from server.descriptors import raise_limit

            raise_limit()
            journal.start(config.log_format, config.data_dir)
            identity = stack.enter_context(claim(config.data_dir))
            config = dataclasses.replace(config, name=config.name or default_name(identity.node))
            keys = load_keys(config.auth_key_file, config.data_dir)
            if command == "node":
                return run_node(config, identity, Tokens(*keys))
            return run_console(config, identity, keys)
    except ConfigError as error:
        return refuse(error, 2)
    except (StartError, BusStartError) as error:
        return refuse(error, 3)


def refuse(error: Exception, code: int) -> int:
    """Say on stderr, in one line, why nothing runs."""
    with contextlib.suppress(OSError):  # nobody reads it; the exit code says it too
        print_line(f"switchboard: {plain(str(error))}".encode(), to=2)
    return code


def print_token(request: TokenRequest) -> int:
    """Print an access token and nothing else. Raises StartError."""
    key = load_key(request.auth_key_file, request.data_dir)
    token = mint(key, user=request.user, role=request.role, name=request.name, ttl=request.ttl, rooms=request.rooms)
    try:
        print_line(token.encode())
    except OSError as error:
        raise StartError(f"the token cannot be printed: {error.strerror}") from None
    return 0


def tend_cluster_key(request: KeyRequest) -> int:
    """Make, show or change the secret of a mesh, and print its fingerprint. Raises BusStartError, StartError."""
    from bus.secret import make_secret, read_secret, rotate_secret
    from bus.zeromq_curve import Key

    match request.action:
        case "make":
            secret = make_secret(request.file)
        case "show":
            secret = read_secret(request.file)
        case "rotate":
            secret = rotate_secret(request.file, request.new)
    try:
        print_line(Key.of(secret).fingerprint.encode())
    except OSError as error:
        raise StartError(f"the fingerprint cannot be printed: {error.strerror}") from None
    return 0


def make_certificate(request: CertificateRequest) -> int:
    """Make a certificate that nobody else has signed, and say what it is worth. Raises StartError."""
    from server import selfsigned

    told = selfsigned.make(request)
    with contextlib.suppress(OSError):  # nobody reads it; the files are there
        print_line(told.encode())
    return 0


def look_at_audit(request: AuditRequest) -> int:
    """Say whether the audit in a store is what was written, 1 if it is not; or print it. Raises StartError."""
    from server.inspection import export, reading, verify

    async def look() -> int:
        async with contextlib.AsyncExitStack() as stack:
            places = (request.store, *request.against)
            store, *others = [await stack.enter_async_context(reading(place)) for place in places]
            if request.action == "verify":
                holds, told = await verify(store, others)
                print_line(plain(told).encode())
                return 0 if holds else 1
            async for piece in export(store, request.format):
                write_out(piece.encode(errors="surrogatepass"))
            return 0

    try:
        return asyncio.run(look())
    except OSError as error:
        raise StartError(f"it cannot be printed: {error.strerror}") from None


def examine(config: Config) -> int:
    """Print how each thing stands that a console or a node with `config` needs; 1 if something is wrong."""
    from gui.doctor import examine as examine_window
    from server.doctor import Standing
    from server.doctor import examine as examine_node

    found = set()
    for finding in itertools.chain(examine_node(config, _headless_loop_factory()), examine_window()):
        with contextlib.suppress(OSError):  # nobody reads it; the exit code says it too
            print_line(plain(finding.line()).encode())
        found.add(finding.standing)
    return 1 if Standing.WRONG in found else 0


def print_line(line: bytes, *, to: int = 1) -> None:
    """Print on stdout or stderr at once, with nothing left over that could fail later. Raises OSError."""
    os.write(to, line + b"\n")


def write_out(data: bytes) -> None:
    """Print all of it on stdout. Raises OSError."""
    while data:
        data = data[os.write(1, data) :]


def open_standard_streams() -> None:
    """Have what was closed at the start lead nowhere, else the next file that is opened would be taken for it."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def run_node(config: Config, identity: Identity, tokens: Tokens) -> int:
    """Run a node without a window until it is told to end. Raises StartError, BusStartError."""

    from server.ending import Ending

    async def run() -> None:
        ending = Ending(asyncio.get_running_loop())
        if config.ends_with_parent:
            ending.watch_stdin()
        async with serving(config, identity, tokens) as node:
            tell_ready(node)
            node.give_way = ending.wish
            await ending.wait()
        _own_up(node)

    with asyncio.Runner(loop_factory=_headless_loop_factory()) as runner:
        runner.run(run())
    return 0


def _own_up(node: Node) -> None:
    """Raise StartError if the node had to end because its data folder was copied."""
    if node.fenced:
        raise StartError(
            "another process runs from a copy of this data folder and is newer, so this one ended: give each node its"
            " own --data-dir"
        )


def run_players() -> int:
    """Run the people of a demo until the console that started them closes standard input."""
    from server.demo.players import play, read_playbill
    from server.ending import Ending

    bill = read_playbill()
    journal.start(bill.log_format, Path(bill.data_dir))

    async def run() -> None:
        ending = Ending(asyncio.get_running_loop())
        ending.watch_stdin()
        await ending.wait(play(bill))

    with asyncio.Runner(loop_factory=_headless_loop_factory()) as runner:
        runner.run(run())
    return 0


def run_console(config: Config, identity: Identity, keys: Sequence[Key]) -> int:
    """Run a node with a window on it. Raises StartError, BusStartError."""
    try:
        from gui.app import open_console
        from gui.application import new_application
        from gui.loop import new_console_loop
    except ImportError as error:
        if (error.name or "").partition(".")[0] in {"bus", "server", "gui"}:
            raise
        raise StartError(f"Qt cannot be loaded, {error}: `make run` installs what is missing") from None
    from server.demo.stage import staged
    from server.desk import Desk
    from server.ending import Ending
    from server.launched import meeting_points
    from server.launcher import Launcher

    app = new_application(sys.argv[:1])
    if config.bus == "zeromq":
        known = meeting_points(config.data_dir, keyed=config.cluster_key_file is not None)
        config = dataclasses.replace(config, peers=(*config.peers, *known))

    async def run() -> None:
        ending = Ending(asyncio.get_running_loop())
        launcher = Launcher(config, key_file(config.auth_key_file, config.data_dir))
        async with serving(config, identity, Tokens(*keys), next_free=True, beside=launcher.close) as node:
            await launcher.recover()
            desk = Desk(node, operator_name())
            async with staged(desk, launcher, config, keys[0], RESOURCES / "demo") as stage:
                console = open_console(desk, launcher, config, stage)
                try:
                    tell_ready(node)
                    node.give_way = ending.wish
                    await ending.wait(console.closed())
                finally:
                    await console.close()
        _own_up(node)

    with asyncio.Runner(loop_factory=lambda: new_console_loop(app)) as runner:
        runner.run(run())
    return 0


def serving(
    config: Config,
    identity: Identity,
    tokens: Tokens,
    *,
    next_free: bool = False,
    beside: Callable[[float], Awaitable[None]] | None = None,
) -> AbstractAsyncContextManager[Node]:
    """Serve clients and peers within the block, as `server.serving` says. Raises StartError, BusStartError."""
    from server.serving import serving

    return serving(
        config, new_bus(config, identity), tokens, site=RESOURCES / "web", next_free=next_free, beside=beside
    )


def new_bus(config: Config, identity: Identity) -> Bus:
    """Make the engine that was chosen. Raises BusStartError."""
    if config.bus == "memory":
        from bus.memory import MemoryNetwork

        return MemoryNetwork().bus(identity, bounds=config.bounds)
    from bus.secret import SecretFile
    from bus.zeromq import ZeroMQBus

    return ZeroMQBus(
        identity,
        host=config.bus_host,
        port=config.bus_port,
        peers=config.peers,
        bounds=config.bounds,
        secret=None if config.cluster_key_file is None else SecretFile(config.cluster_key_file),
        advertise=config.bus_advertise,
    )


def tell_ready(node: Node) -> None:
    """Print the ready line (protocol.md section 1)."""
    line = {
        "event": "ready",
        "name": node.name,
        "node": node.node_id,
        "url": node.url,
        "http": node.http,
        "bus": node.bus.address,
        "pid": os.getpid(),
    }
    with contextlib.suppress(OSError):  # nobody reads it; the node serves all the same
        print_line(msgspec.json.encode(line))
    logger.info("%s is ready at %s", node.name, node.url)


def _headless_loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # no such thing on Windows
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    _code = main(sys.argv[1:])
    gc.freeze()  # the interpreter looks through everything that lives before it ends: here nothing depends on it
    sys.exit(_code)
