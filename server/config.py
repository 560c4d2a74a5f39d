"""What a node was told: options, each from command line, environment, file or default."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal


class ConfigError(Exception):
    """A wrong option; the text is one sentence that names it and says why. The process exits with 2."""


class StartError(Exception):
    """The node cannot start; the text is one sentence that says what to do. The process exits with 3."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The options of protocol.md section 1, checked."""

    name: str
    host: str = "127.0.0.1"
    port: int | None = None
    """None: 8765, and in the console the next free one; 0: any free one."""
    bus: Literal["zeromq", "memory"] = "zeromq"
    bus_host: str = "127.0.0.1"
    bus_port: int | None = None
    """None: 8766 or the next free one; 0: any free one."""
    peers: tuple[str, ...] = ()
    """``host:port`` of each."""
    auth: Literal["open", "token"] = "open"
    auth_key_file: Path | None = None
    """None: made in `data_dir` at the first start."""
    data_dir: Path
    origins: tuple[str, ...] = ()
    """Allowed ``Origin`` values beside the same origin; ``*`` allows all."""
    public_url: str | None = None
    drain_seconds: float = 5.0
    voice_fps: int = 55
    """Voice frames a second that one speaker may send; 0 for no limit."""
    log_format: Literal["text", "json"] = "json"
