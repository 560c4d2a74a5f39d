"""What starts a launched node: its data folder and its command line."""

from __future__ import annotations

import hashlib
import shlex
import urllib.parse
from collections.abc import Sequence
from pathlib import Path

from server.addresses import bracketed, host_port
from server.child import Spec
from server.config import Config


class Commands:
    """Command lines for nodes of the console that runs with `config`."""

    def __init__(self, config: Config, auth_key_file: Path, program: Sequence[str]) -> None:
        """Make them; `program` is the command in front of ``node``."""
        self._config = config
        self._auth_key_file = auth_key_file
        self._program = tuple(program)

    def folder(self, name: str) -> Path:
        """Tell the data folder of a node called `name`; any name gives one folder below the console's own."""
        safe = urllib.parse.quote(name, safe=" ")
        if safe.startswith("."):
            safe = "%2E" + safe[1:]
        if len(safe) > 100:
            safe = f"{safe[:80]}-{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:16]}"
        return self._config.data_dir / "nodes" / safe

    def line(self, spec: Spec) -> str:
        """Give the command line that starts the same node from a terminal."""
        return shlex.join([*self._program, "node", *self._options(spec)])

    def arguments(self, spec: Spec) -> list[str]:
        """Give the command as the launcher starts it."""
        ending = [] if spec.keep else ["--ends-with-parent"]
        return [*self._program, "node", *self._options(spec), "--log-format=json", *ending]

    def _options(self, spec: Spec) -> list[str]:
        config = self._config
        defaults = Config(name="", data_dir=config.data_dir)
        # Values stand behind "=", so that a name such as "--help" stays a name.
        options = [f"--name={spec.name}", f"--port={spec.port}", f"--bus-port={spec.bus_port}"]
        if spec.peer:
            options.append(f"--peer={spec.peer}")
        if spec.host != defaults.host:
            options.append(f"--host={spec.host}")
        if spec.bus_host != defaults.bus_host:
            options.append(f"--bus-host={spec.bus_host}")
        options += [f"--data-dir={self.folder(spec.name)}", f"--auth-key-file={self._auth_key_file}"]
        if config.bus_advertise and spec.bus_host == config.bus_host:
            options.append(f"--bus-advertise={_host(config.bus_advertise)}")
        if config.cluster_key_file is not None:
            options.append(f"--cluster-key-file={config.cluster_key_file}")
        if config.auth != defaults.auth:
            options.append(f"--auth={config.auth}")
        options += [f"--origin={origin}" for origin in config.origins]
        if config.tls_cert and config.tls_key:
            options += [f"--tls-cert={config.tls_cert.absolute()}", f"--tls-key={config.tls_key.absolute()}"]
        options += [f"--trusted-proxy={each}" for each in config.trusted_proxies]
        if config.resume_seconds != defaults.resume_seconds:
            options.append(f"--resume-seconds={config.resume_seconds}")
        if config.lost_seconds != defaults.lost_seconds:
            options.append(f"--lost-seconds={config.lost_seconds:g}")
        if config.drain_seconds != defaults.drain_seconds:
            options.append(f"--drain-seconds={config.drain_seconds:g}")
        if config.voice_fps != defaults.voice_fps:
            options.append(f"--voice-fps={config.voice_fps}")
        if config.history_days != defaults.history_days:
            options.append(f"--history-days={config.history_days}")
        return options


def _host(advertised: str) -> str:
    """What is advertised without its port, which is the console's own."""
    try:
        host, _ = host_port(advertised)
    except ValueError:
        return advertised
    return bracketed(host)
