"""What was filled in to launch nodes, checked; no Qt here."""

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
MOST = 16
"""Nodes that can be launched at once."""
NUMBER = "{n}"
"""Stands in a name for a number that counts up."""
MESH_PORTS = 3
"""Ports that the mesh of a node takes: the one that is given, and the next free ones above it."""
_ENDS_IN_NUMBER = re.compile(r"^(.*?)(\d+)$", re.DOTALL)

Obstacle = Callable[[str, int], str | None]
"""Says why an address cannot be listened on, as `server.ports.obstacle` does."""
NextFree = Callable[[str, int, Collection[int]], int | None]
"""Finds the next free port from one on."""


class Field(enum.Enum):
    """What can be wrong."""

    NAME = enum.auto()
    COUNT = enum.auto()
    PORT = enum.auto()
    BUS_PORT = enum.auto()
    PEER = enum.auto()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """The fields as they were typed."""

    name: str
    """May hold `NUMBER`."""
    count: int
    port: str
    """A port for each, or one 0 for all."""
    bus_port: str
    peer: str
    """Mesh address of the node to join through."""
    keep: bool
    restart: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Checked:
    """What the fields amount to."""

    problems: dict[Field, str]
    """One sentence for each field that is wrong."""
    specs: tuple[Spec, ...]
    """What can be launched; nothing where something is wrong."""
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
        host: Where they will listen for clients.
        bus_host: Where they will listen for the mesh.
        names: Names that are in use.
        peers: Nodes that they could join through.
        obstacle: Asks the system about an address.
        next_free: Asks the system for a free port.
    """
    problems: dict[Field, str] = {}
    if not 1 <= values.count <= MOST:
        problems[Field.COUNT] = f"1 to {MOST} at once."
    chosen = expand(values.name.strip(), max(1, min(MOST, values.count)), names)
    for name in chosen:
        if problem := _name_problem(name, names):
            problems.setdefault(Field.NAME, problem)
    if len(set(chosen)) < len(chosen):
        problems.setdefault(Field.NAME, f"Several nodes need {NUMBER} in the name, which counts up.")
    ports, wrong = _ports_of(values.port, len(chosen))
    bus_ports, bus_wrong = _ports_of(values.bus_port, len(chosen))
    taken = [*filter(None, ports), *filter(None, bus_ports)]
    for field, where, found, problem in (
        (Field.PORT, host, ports, wrong),
        (Field.BUS_PORT, bus_host, bus_ports, bus_wrong),
    ):
        if problem := problem or _port_problem(found, where, taken, obstacle, next_free):
            problems[field] = problem
    if Field.BUS_PORT not in problems and {*filter(None, ports)} & {*filter(None, bus_ports)}:
        problems[Field.BUS_PORT] = "Clients and mesh need a port each."
    if not problems and (problem := _mesh_problem(ports, bus_ports)):
        problems[Field.BUS_PORT] = problem
    peer = next((node for node in peers if node.bus == values.peer), None)
    if peer is None:
        problems[Field.PEER] = (
            "That node is gone. Choose another one." if peers else "This console runs alone: no node can join it."
        )
    if problems or peer is None:
        return Checked(problems, (), "")
    specs = tuple(
        Spec(
            name=name,
            host=host,
            port=port,
            bus_host=bus_host,
            bus_port=bus_port,
            peer=peer.bus,
            keep=values.keep,
            restart=values.restart,
        )
        for name, port, bus_port in zip(chosen, ports, bus_ports, strict=True)
    )
    answers = "is late: it may not answer." if peer.state == "suspect" else "answers."
    return Checked({}, specs, f"{_free(ports, bus_ports)} {wording.within(peer.name)} {answers}")


def expand(pattern: str, count: int, names: Collection[str]) -> list[str]:
    """The names that a pattern gives: `NUMBER` counts up from the first number that is free."""
    if NUMBER not in pattern:
        return [pattern] * count
    found: list[str] = []
    number = 1
    while len(found) < count:
        name = pattern.replace(NUMBER, str(number))
        if name not in names:
            found.append(name)
        number += 1
    return found


def next_pattern(own: str) -> str:
    """Propose a name for others beside a node of this name: the same with a number that counts up."""
    found = _ENDS_IN_NUMBER.match(own)
    stem = found[1] if found else f"{own}-"
    return f"{stem[: NAME_CHARS - 2]}{NUMBER}"


def mesh_ports(port: int) -> range:
    """The ports that the mesh of a node is likely to take; none where the system picks them."""
    return range(port, port + MESH_PORTS if port else port)


def ports_for(
    count: int, host: str, first: int, had: str, next_free: NextFree, besides: Collection[int], *, span: int = 1
) -> str:
    """Ports for so many nodes: those that were filled in, then the next free ones, `besides` left out.

    Each of them has `span` free ports in a row.
    """
    given = numbers(had)
    if given is None or given == [0]:
        return had
    given = given[:count]
    while len(given) < count:
        taken = {*besides, *(port + further for port in given for further in range(span))}
        port = free_row(host, (given[-1] + 1) if given else first, span, next_free, taken)
        if port is None:
            break
        given.append(port)
    return ", ".join(map(str, given))


def free_row(host: str, first: int, span: int, next_free: NextFree, besides: Collection[int]) -> int | None:
    """The lowest port from `first` up that is the first of so many free ones in a row; None where none is."""
    port = next_free(host, first, besides)
    while port is not None:
        broken = next((p for p in range(port + 1, port + span) if next_free(host, p, besides) != p), None)
        if broken is None:
            break
        port = next_free(host, broken + 1, besides)
    return port


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


def _port_problem(
    found: Sequence[int], host: str, taken: Sequence[int], obstacle: Obstacle, next_free: NextFree
) -> str | None:
    twice = next((port for port in found if port and list(found).count(port) > 1), None)
    if twice is not None:
        return f"Port {twice} stands there twice."
    for port in found:
        if problem := obstacle(host, port):
            other = next_free(host, port + 1, taken)
            return problem if other is None else f"{problem.rstrip('.')}, {other} is free."
    return None


def _mesh_problem(ports: Sequence[int], bus_ports: Sequence[int]) -> str | None:
    """The mesh of one node must not take what another one was given."""
    for place, bus_port in enumerate(bus_ports):
        others = {port for at, pair in enumerate(zip(ports, bus_ports, strict=True)) if at != place for port in pair}
        if clash := others.intersection(mesh_ports(bus_port)):
            return (
                f"A mesh takes the two ports above its own as well: {min(clash)} is needed by the mesh of {bus_port}."
            )
    return None


def _ports_of(text: str, count: int) -> tuple[list[int], str]:
    """The ports in a text, and what is wrong with it."""
    found = numbers(text)
    if found is None:
        return [], "A port is a number from 0 to 65535." if count == 1 else "Ports are numbers from 0 to 65535."
    if found == [0]:
        return [0] * count, ""
    if len(found) != count:
        return found, f"{wording.plural(count, 'port')} wanted, {len(found)} given."
    return found, ""


def numbers(text: str) -> list[int] | None:
    """The ports that stand in a text; None where something else does."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 8 for part in parts):
        return None
    return [int(part) for part in parts]


def _free(ports: Sequence[int], bus_ports: Sequence[int]) -> str:
    groups = [", ".join(map(str, each)) for each in (ports, bus_ports) if any(each)]
    if len(groups) == 2:
        return f"Ports {groups[0]} and {groups[1]} are free."
    if groups:
        one = len(ports) == 1
        return f"{'Port' if one else 'Ports'} {groups[0]} {'is' if one else 'are'} free, the system picks the rest."
    return "The system picks free ports."
