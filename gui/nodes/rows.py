"""What the node table shows: nodes of the cluster and launched nodes merged into one list of rows; no Qt here."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Mapping, Sequence

from gui import wording
from gui.nodes import drains, losses
from server.child import Child, ChildState
from server.views import DrainView, NodeView, OutageView


class Standing(enum.Enum):
    """How a node stands, from the best to the worst."""

    UP = enum.auto()
    STARTING = enum.auto()
    """Launched from here; it has not printed that it is ready."""
    JOINING = enum.auto()
    """Launched from here and ready; the mesh does not know it yet."""
    STOPPING = enum.auto()
    DRAINING = enum.auto()
    """It takes no sessions and hands its clients to others."""
    LATE = enum.auto()
    STOPPED = enum.auto()
    """Launched from here, and ended because it was told to."""
    LOST = enum.auto()
    FAILED = enum.auto()
    """Launched from here, and ended by itself."""


GONE = frozenset({Standing.STOPPED, Standing.LOST, Standing.FAILED})
"""Those that run no more as far as anybody knows; their figures are of the past."""


WRONG = frozenset({Standing.LOST, Standing.FAILED})
"""Those that are gone and should not be."""


@dataclasses.dataclass(frozen=True, slots=True)
class NodeRow:
    """One row of the table."""

    id: str
    """Its identity from launch to end: that of the launched node, else of the node."""
    name: str
    address: str
    """Where its clients connect, ``host:port``."""
    url: str
    """The same as clients need it."""
    mesh: str
    standing: Standing
    node: str = ""
    """Node id; empty until it is known."""
    here: bool = False
    note: str = ""
    """A word or two beside its name: what it has to do with this console."""
    child: str = ""
    """`Child.id` where this window or the one before launched it."""
    sessions: int = 0
    cpu: float | None = None
    memory: int | None = None
    received: float = 0.0
    sent: float = 0.0
    round_trip: float | None = None
    span: int = 0
    """How long it has stood so, in whole seconds: up, starting, or gone."""
    message: str = ""
    """What stands in place of figures."""
    advice: str = ""
    """What became of it, and what can be done about it."""
    lag: int = 0
    """Records that it lacks and this console holds, where that lasts."""
    waiting: bool = False
    """Whether it is started again by itself in a while."""
    drain: DrainView | None = None
    """How far it is where it goes away."""

    @property
    def stoppable(self) -> bool:
        """Whether it can be told to stop from here, or to wait no longer."""
        return bool(self.child) and (self.waiting or self.standing not in GONE | {Standing.STOPPING})

    @property
    def drainable(self) -> bool:
        """Whether it can be told to hand its clients to others."""
        return self.standing is Standing.UP

    @property
    def keepable(self) -> bool:
        """Whether it can be told to take sessions again."""
        return self.standing is Standing.DRAINING and self.drain is not None and not self.drain.ending

    @property
    def removable(self) -> bool:
        """Whether it is only remembered."""
        return self.standing in GONE and not self.waiting

    @property
    def restartable(self) -> bool:
        """Whether it can be started again from here, or at once where it waits for that."""
        return bool(self.child) and self.standing not in (Standing.STARTING, Standing.STOPPING)


@dataclasses.dataclass(frozen=True, slots=True)
class Totals:
    """The row under the others: what the nodes that live add up to."""

    sessions: int
    cpu: float | None
    memory: int | None
    received: float
    sent: float


def merge(
    nodes: Sequence[NodeView], children: Iterable[Child], now: int, outages: Iterable[OutageView] = ()
) -> list[NodeRow]:
    """Make the rows: this node first, then by name; `now` in ms since 1970."""
    launched = list(children)
    out = {outage.node: outage for outage in outages if outage.state != "back"}
    of_node = {child.ready.node: child for child in launched if child.ready is not None}
    # One that is launched anew under the name of a lost node takes its place before it has told its id.
    starting = {child.spec.name for child in launched if child.state is ChildState.STARTING}
    known = [node for node in nodes if node.state != "down" or node.name not in starting]
    # The mesh may know one before it has told its id: then its process tells which it is.
    by_pid = {child.pid: child for child in launched if child.state is ChildState.STARTING and child.pid}
    rows = [
        _known(node, of_node.pop(node.node, None) or by_pid.get(node.pid), now, out.get(node.node)) for node in known
    ]
    met = {row.child for row in rows}
    rows += [_launched(child, now, out) for child in launched if child.id not in met]
    return sorted(rows, key=lambda row: (not row.here, row.name.casefold(), row.id))


def total(rows: Iterable[NodeRow]) -> Totals:
    """Add up the rows of nodes that live; CPU is their mean."""
    living = [row for row in rows if row.standing not in GONE]
    cpus = [row.cpu for row in living if row.cpu is not None]
    memories = [row.memory for row in living if row.memory is not None]
    return Totals(
        sessions=sum(row.sessions for row in living),
        cpu=sum(cpus) / len(cpus) if cpus else None,
        memory=sum(memories) if memories else None,
        received=sum(row.received for row in living),
        sent=sum(row.sent for row in living),
    )


def sentence(rows: Sequence[NodeRow]) -> str:
    """The state of the cluster for the top bar: ``5 running, 1 lost``."""
    found = [row.standing for row in rows]
    running = sum(standing in (Standing.UP, Standing.DRAINING, Standing.LATE) for standing in found)
    parts = [f"{running} running"]
    for standing, word in (
        (Standing.DRAINING, "draining"),
        (Standing.LATE, "late"),
        (Standing.LOST, "lost"),
        (Standing.FAILED, "failed"),
        (Standing.STOPPING, "stopping"),
    ):
        if standing in found:
            parts.append(f"{found.count(standing)} {word}")
    starting = found.count(Standing.STARTING) + found.count(Standing.JOINING)
    if starting:
        parts.append(f"{starting} starting")
    return ", ".join(parts)


def describe(row: NodeRow) -> str:
    """A row in words, for those who listen."""
    parts = [wording.within(row.name)]
    if row.note:
        parts.append(row.note)
    parts.append(_WORDS[row.standing])
    if row.lag:
        parts.append(f"lacks {wording.plural(row.lag, 'record')}")
    if row.message:
        parts += [part for part in (row.message, row.advice) if part]
        return ", ".join(parts)
    parts.append(wording.plural(row.sessions, "session"))
    if row.cpu is not None:
        parts.append(f"CPU {wording.percent(row.cpu)}")
    if row.memory is not None:
        parts.append(f"memory {wording.size(row.memory)}")
    parts.append(f"{wording.short(row.sent)} out a second")
    parts.append(f"up {wording.age(row.span * 1000)}")
    parts.append(row.address)
    return ", ".join(parts)


_WORDS = {
    Standing.UP: "up",
    Standing.STARTING: "starting",
    Standing.JOINING: "joining",
    Standing.STOPPING: "stopping",
    Standing.DRAINING: "draining",
    Standing.LATE: "late",
    Standing.STOPPED: "stopped",
    Standing.LOST: "lost",
    Standing.FAILED: "failed",
}


def _known(node: NodeView, child: Child | None, now: int, outage: OutageView | None) -> NodeRow:
    """A node of the cluster, launched from here or not."""
    row = NodeRow(
        id=child.id if child else node.node,
        node=node.node,
        name=node.name,
        address=_address(node.url),
        url=node.url,
        mesh=node.bus,
        standing=Standing.UP,
        here=node.here,
        note="this console" if node.here else _note(child),
        child=child.id if child else "",
        sessions=node.sessions,
        cpu=node.cpu,
        memory=node.memory,
        received=node.received_rate,
        sent=node.sent_rate,
        round_trip=node.round_trip,
        span=_seconds(now - node.started),
        drain=node.draining if node.state == "up" else None,
    )
    if child is not None and child.state in (ChildState.STOPPING, ChildState.EXITED):
        return _with_end(row, child, now, outage)
    since = outage.at if outage else now - int(node.heard * 1000)
    if node.state == "down":
        return dataclasses.replace(
            _without_figures(row),
            standing=Standing.LOST,
            span=_seconds(now - since),
            message=f"No heart-beat since {wording.clock(since, seconds=True)}",
            advice=losses.account(outage) if outage else "",
        )
    if node.state == "suspect":
        row = dataclasses.replace(row, standing=Standing.LATE)
        if outage is not None and losses.is_news(outage, now):
            what = "Connection lost at" if outage.cut else "No answer since"
            row = dataclasses.replace(
                row,
                span=_seconds(now - since),
                message=f"{what} {wording.clock(since, seconds=True)}",
                advice=losses.account(outage),
            )
    elif (drain := node.draining) is not None:
        row = dataclasses.replace(
            row, standing=Standing.DRAINING, message=drains.headline(drain), advice=drains.account(drain)
        )
    return row


def _launched(child: Child, now: int, outages: Mapping[str, OutageView]) -> NodeRow:
    """A launched node that the cluster does not know: not yet, or not any more."""
    spec, ready = child.spec, child.ready
    row = NodeRow(
        id=child.id,
        node=ready.node if ready else "",
        name=ready.name if ready else spec.name,
        address=_address(ready.url) if ready else f"{spec.host}:{spec.port}",
        url=ready.url if ready else "",
        mesh=ready.bus if ready else "",
        standing=Standing.STARTING,
        note=_note(child),
        child=child.id,
        span=_seconds(now - child.started),
        message="Starting",
    )
    if child.state in (ChildState.STOPPING, ChildState.EXITED):
        return _with_end(row, child, now, outages.get(ready.node) if ready else None)
    if child.state is ChildState.RUNNING:
        return dataclasses.replace(row, standing=Standing.JOINING, message="Ready, joining the mesh")
    return row


def _with_end(row: NodeRow, child: Child, now: int, outage: OutageView | None) -> NodeRow:
    if child.state is ChildState.STOPPING:
        word = "Restarting" if child.restarting else "Stopping"
        what = drains.left(row.drain) if row.drain is not None and row.drain.of else "its clients are asked to move"
        return dataclasses.replace(row, standing=Standing.STOPPING, message=f"{word}, {what}")
    ended = child.ended if child.ended is not None else now
    standing, message, advice = _end(child, ended)
    if outage is not None or child.again is not None or child.given_up:
        done = losses.attempt(child, now)
        told = losses.account(outage) if outage else ""
        advice = " ".join(part for part in (told, done or (advice if not told else "")) if part)
    return dataclasses.replace(
        _without_figures(row),
        standing=standing,
        note="",
        span=_seconds(now - ended),
        message=message,
        advice=advice,
        waiting=child.again is not None,
    )


def _without_figures(row: NodeRow) -> NodeRow:
    """What is left of the row of a node that is gone."""
    return dataclasses.replace(row, sessions=0, cpu=None, memory=None, received=0.0, sent=0.0, round_trip=None)


def _end(child: Child, ended: int) -> tuple[Standing, str, str]:
    """How a launched node ended, in one sentence, and what can be done."""
    at = wording.clock(ended, seconds=True)
    said = wording.name(child.said.removeprefix("switchboard: ")) if child.said else "it said nothing"
    if child.asked:
        if child.code is not None and child.code < 0:
            return Standing.STOPPED, f"Stopped at {at}, killed because it did not end in time", ""
        return Standing.STOPPED, f"Stopped at {at}", ""
    if child.ready is None:
        advice = "Launch it again with other values (N)." if child.code in (2, 3) else "Its log below says more."
        return Standing.FAILED, f"Did not start: {said}", advice
    if child.code is not None and child.code < 0:
        return (
            Standing.FAILED,
            f"Killed by signal {-child.code} at {at}",
            "Restart it (R) to go on under its name.",
        )
    if child.code == 0:
        return Standing.STOPPED, f"Ended at {at}, told so by another", ""
    code = "" if child.code is None else f" with exit code {child.code}"
    return Standing.FAILED, f"Ended{code} at {at}: {said}", "Restart it (R) to go on under its name."


def _note(child: Child | None) -> str:
    if child is None:
        return ""
    if child.earlier:
        return "launched earlier"
    return "keeps running" if child.spec.keep else "launched here"


def _address(url: str) -> str:
    """``host:port`` of a WebSocket URL."""
    return url.split("://", 1)[-1].split("/", 1)[0]


def _seconds(span: int) -> int:
    return max(0, span // 1000)
