"""What was filled in to launch a node, checked; no Qt here."""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Callable, Collection, Sequence

from gui import wording
from server.child import Spec
from server.views import NodeView

NAME_CHARS = 32
"""What protocol.md section 2 allows for a name."""
_ENDS_IN_NUMBER = re.compile(r"^(.*?)(\d+)$", re.DOTALL)

Obstacle = Callable[[str, int], str | None]
"""Says why an address cannot be listened on, as `server.ports.obstacle` does."""
NextFree = Callable[[str, int, Collection[int]], int | None]
"""Finds the next free port from one on."""


class Field(enum.Enum):
    """What can be wrong."""

    NAME = enum.auto()
    PORT = enum.auto()
    BUS_PORT = enum.auto()
    PEER = enum.auto()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """The fields as they were typed."""

    name: str
    port: str
    bus_port: str
    peer: str
    """Mesh address of the node to join through."""
    keep: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Checked:
    """What the fields amount to."""

    problems: dict[Field, str]
    """One sentence for each field that is wrong."""
    spec: Spec | None
    """What can be launched; None where something is wrong."""
    sentence: str
    """What was found about ports and peer, when all is well."""


def check(
    values: Values,
    *,
    host: str,
    bus_host: str,
    names: Collection[str],
    peers: Sequence[NodeView],
    obstacle: Obstacle,
    next_free: NextFree,
) -> Checked:
    """Check what was filled in.

    Args:
        values: The fields.
        host: Where it will listen for clients.
        bus_host: Where it will listen for the mesh.
        names: Names that are in use.
        peers: Nodes that it could join through.
        obstacle: Asks the system about an address.
        next_free: Asks the system for a free port.
    """
    problems: dict[Field, str] = {}
    name = values.name.strip()
    if problem := _name_problem(name, names):
        problems[Field.NAME] = problem
    port, bus_port = _number(values.port), _number(values.bus_port)
    for field, where, number in ((Field.PORT, host, port), (Field.BUS_PORT, bus_host, bus_port)):
        if number is None:
            problems[field] = "A port is a number from 0 to 65535."
        elif problem := obstacle(where, number):
            other = next_free(where, number + 1, [each for each in (port, bus_port) if each is not None])
            problems[field] = problem if other is None else f"{problem.rstrip('.')}, {other} is free."
    if port and port == bus_port and Field.BUS_PORT not in problems:
        problems[Field.BUS_PORT] = "Clients and mesh need a port each."
    peer = next((node for node in peers if node.bus == values.peer), None)
    if peer is None:
        problems[Field.PEER] = (
            "That node is gone. Choose another one." if peers else "This console runs alone: no node can join it."
        )
    if problems or port is None or bus_port is None or peer is None:
        return Checked(problems, None, "")
    spec = Spec(
        name=name,
        host=host,
        port=port,
        bus_host=bus_host,
        bus_port=bus_port,
        peer=peer.bus,
        keep=values.keep,
    )
    answers = "is late: it may not answer." if peer.state == "suspect" else "answers."
    return Checked({}, spec, f"{_ports(port, bus_port)} {wording.within(peer.name)} {answers}")


def next_name(own: str, names: Collection[str]) -> str:
    """Propose a name that is not in use: that of this node with the next number."""
    found = _ENDS_IN_NUMBER.match(own)
    stem, number = (found[1], int(found[2]) + 1) if found else (f"{own}-", 2)
    while f"{stem}{number}" in names:
        number += 1
    return f"{stem[: NAME_CHARS - len(str(number))]}{number}"


def _name_problem(name: str, names: Collection[str]) -> str | None:
    if not name:
        return "It needs a name."
    if len(name) > NAME_CHARS:
        return f"A name has {NAME_CHARS} characters at most; this one has {len(name)}."
    if wording.name(name) != name:
        return "The name holds characters that cannot be seen."
    if name in names:
        return f"{wording.within(name)} is the name of a node that runs."
    return None


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else None


def _ports(port: int, bus_port: int) -> str:
    named = [str(each) for each in (port, bus_port) if each]
    if len(named) == 2:
        return f"Ports {named[0]} and {named[1]} are free."
    if named:
        return f"Port {named[0]} is free, for the other the system picks one."
    return "The system picks two free ports."
