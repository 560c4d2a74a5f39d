"""Joining a cluster that already runs: what an address must be like, and whether somebody answered there."""

from __future__ import annotations

import asyncio
import urllib.parse

from server import addresses
from server.events import Event, NodeChanged
from server.listing import node_views
from server.node import Node
from server.views import NodeView
from server.wire.native import Code, Refused

SECONDS = 4.0
"""How long an answer may take."""


def problem(text: str, nodes: list[NodeView], *, keyed: bool = False) -> str:
    """One sentence that says why this is no address to join, or nothing.

    Args:
        text: What was written, ``host:port`` of a mesh.
        nodes: Those of this cluster, this one first.
        keyed: Whether its mesh has a key, and so may be on many machines.
    """
    try:
        host, port = addresses.host_port(text.strip())
    except ValueError:
        return "An address is a host and a port, such as 127.0.0.1:8766."
    if not keyed and not addresses.is_loopback(host):
        return "Without --cluster-key-file the mesh reaches nodes of this machine only: begin with 127.0.0.1."
    number = "127.0.0.1" if host == "localhost" else host
    for node in nodes:
        mesh = _place(node.bus)
        if node.here and port == _port(node.url) and number in (urllib.parse.urlsplit(node.url).hostname, mesh[0]):
            return f"Port {port} is for clients. The mesh port of a node is in its ready line, as bus."
        if mesh == (number, port) and node.state != "down":
            return "This is the address of this console." if node.here else "This node is in the mesh already."
    return ""


def _port(url: str) -> int | None:
    return urllib.parse.urlsplit(url).port


def _place(bus: str) -> tuple[str, int]:
    try:
        return addresses.host_port(bus)
    except ValueError:
        return "", 0


async def join(node: Node, address: str) -> str:
    """Join the cluster that has a node at this address; returns the name of the node that answered.

    Raises Refused where the address is none, or nobody has answered in `SECONDS`; it is given up then.
    """
    address = address.strip()
    fault = problem(address, node_views(node), keyed=bool(node.bus.fingerprint))
    if fault:
        raise Refused(Code.BAD_REQUEST, fault, field="address")
    known = {sought.given for sought in node.bus.sought()}
    before = {view.node for view in node_views(node) if view.state == "up"}
    answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def look(event: Event) -> None:
        if isinstance(event, NodeChanged) and not answered.done():
            met = [view for view in node_views(node) if view.state == "up" and view.node not in before]
            if met:
                answered.set_result(next((view.name for view in met if view.bus == address), met[0].name))

    try:
        node.bus.join(address)
    except ValueError as error:
        raise Refused(Code.BAD_REQUEST, str(error), field="address") from None
    unwatch = node.watch(look)
    try:
        async with asyncio.timeout(SECONDS):
            return await answered
    except TimeoutError:
        raise Refused(
            Code.UNAVAILABLE, f"No node has answered at {address} in {SECONDS:.0f} s. Does it run there?"
        ) from None
    finally:
        unwatch()
        if (not answered.done() or answered.cancelled()) and address not in known:
            node.bus.give_up(address)
