"""A launched node as a value: what was asked for, what it said when it was ready, how it stands."""

from __future__ import annotations

import asyncio
import enum
import subprocess
from pathlib import Path

import msgspec

from server.childlog import LogRing
from server.launched import Launched
from server.restarts import Restarts


class ChildState(enum.StrEnum):
    """Where a launched node is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    EXITED = "exited"


class Ready(msgspec.Struct, frozen=True):
    """The ready line of a node (protocol.md section 1)."""

    name: str
    node: str
    url: str
    http: str
    bus: str
    pid: int


class ReadyLine(Ready, frozen=True, tag_field="event", tag="ready"):
    """The ready line on its way in: only a line whose ``event`` is ``ready`` is one."""


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What to launch."""

    name: str
    host: str
    port: int
    bus_host: str
    bus_port: int
    peer: str
    """``host:port`` of the mesh address to join through; empty for none."""
    keep: bool = False
    """Whether it runs on when this console ends."""
    restart: bool = False
    """Whether it is started again after a crash."""


class Child:
    """One launched node. The launcher alone changes it; everybody else reads."""

    def __init__(self, id: str, spec: Spec, folder: Path, *, earlier: bool = False) -> None:
        self.id = id
        """Identity within this launcher; a node that is started again keeps it."""
        self.spec = spec
        """What was asked for; the ports that the system picked stand in it from the first start on."""
        self.folder = folder
        """Its data folder."""
        self.earlier = earlier
        """Whether a console before this one launched it."""
        self.state = ChildState.STARTING
        self.pid = 0
        self.ready: Ready | None = None
        self.code: int | None = None
        """Exit code once it has exited; negative for a signal; None where nobody could learn it."""
        self.asked = False
        """Whether it was told to stop, so that its end is no surprise."""
        self.restarting = False
        """Whether it is told to stop only to be started again."""
        self.started = 0
        """When it was started last, ms since 1970."""
        self.ended: int | None = None
        """When it exited, ms since 1970."""
        self.again: int | None = None
        """When it is started again by itself after a crash, ms since 1970; None where it is not."""
        self.given_up = False
        """Whether it crashed too often to be started again by itself."""
        self.restarts = Restarts()
        self.log = LogRing()
        self.created = 0.0
        """When its process began, seconds since 1970."""
        self.process: subprocess.Popen[bytes] | None = None
        self.task: asyncio.Task[None] | None = None
        """What follows its process."""
        self.timer: asyncio.TimerHandle | None = None
        """What starts it again."""

    @property
    def said(self) -> str:
        """The last thing it said; empty when it was silent."""
        return self.log.last.text if self.log.last else ""

    @property
    def crashed(self) -> bool:
        """Whether it ended by itself and not well."""
        return self.state is ChildState.EXITED and not self.asked and self.code != 0

    def as_launched(self) -> Launched:
        """What a later console needs of it."""
        spec, ready = self.spec, self.ready
        return Launched(
            name=spec.name,
            pid=self.pid,
            created=self.created,
            started=self.started,
            kept=spec.keep,
            folder=str(self.folder),
            host=spec.host,
            port=spec.port,
            bus_host=spec.bus_host,
            bus_port=spec.bus_port,
            peer=spec.peer,
            node=ready.node if ready else "",
            url=ready.url if ready else "",
            http=ready.http if ready else "",
            bus=ready.bus if ready else "",
        )
