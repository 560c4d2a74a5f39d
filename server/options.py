"""Reads the options of a command: command line beats environment beats TOML file beats default."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

from server.addresses import bracketed, host_port, is_loopback, listening_host, origin_form, websocket_url
from server.config import (
    AuditRequest,
    CertificateRequest,
    Config,
    ConfigError,
    KeyRequest,
    TokenRequest,
    default_data_dir,
)
from server.option import Option, Parser, gather, read, shown
from server.proxies import network
from server.scopes import Scope, read_scope
from server.session import Role
from server.store.address import StoreAddress
from server.wire import names

Command = Literal["console", "node", "token", "tls", "cluster-key", "audit", "doctor", "players"]

COMMANDS: Mapping[Command, str] = {
    "console": "opens a window with a node embedded in it; what runs when no command is given",
    "node": "runs a node without a window",
    "token": "prints an access token and nothing else",
    "cluster-key": "makes the secret of a mesh, shows its fingerprint, or changes it while the cluster runs",
    "tls": "makes a certificate for https:// and wss://: tls self-signed --host NAME",
    "audit": "verifies who did what, as it stands in a store, or writes it out: audit verify, audit export",
    "doctor": "checks what a console or a node needs here; says what is wrong and what to do",
}
PLAYERS: Command = "players"
"""What a demo starts by itself: its people, who are told what to play on standard input."""
_SOURCES = """\
Each option can also stand in the file of --config (bus-port = 8766) or in the environment
(SWITCHBOARD_BUS_PORT=8766; several values with commas). Command line beats environment beats file."""
KEY_ACTIONS = {
    "make": "write a new secret to a file that is not there yet, for its owner alone, and print its fingerprint",
    "show": "print the fingerprint of a secret, to compare that of two hosts",
    "rotate": "change the secret, and keep the one before beside it as FILE.previous; print the new fingerprint.\n"
    "          Copy both files to the other hosts within ten minutes: nodes that run follow them by themselves",
}
AUDIT_ACTIONS = {
    "verify": "say in one line whether it is what was written; exit 1 if not, naming the first line that is not",
    "export": "print it, newest first, as CSV that is safe to open as a spreadsheet, or as JSON",
}
SOURCES: Mapping[Command, str] = {
    "console": _SOURCES,
    "node": _SOURCES,
    "doctor": _SOURCES,
    "cluster-key": "actions:\n" + "\n".join(f"  {name:8}{meaning}" for name, meaning in KEY_ACTIONS.items()),
    "audit": "actions:\n" + "\n".join(f"  {name:8}{meaning}" for name, meaning in AUDIT_ACTIONS.items()),
    "tls": "Files that are there already are kept, unless you say --force.",
    "token": "The key is found as a node finds it: file and environment are read for --auth-key-file and --data-dir.",
}
SELF_SIGNED = "tls self-signed --host NAME"
LONGEST_TTL = 10 * 366 * 86_400


def _one_of(*choices: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in choices:
            raise ValueError(f"{value!r} is none of {', '.join(choices)}")
        return value

    return check


def _engine(value: str) -> str:
    if value == "redis":
        raise ValueError("redis is not available in this version: choose zeromq or memory")
    return _one_of("zeromq", "memory")(value)


def _within(least: float, most: float, what: str) -> Callable[[float], float]:
    def check(value: float) -> float:
        if not least <= value <= most:
            raise ValueError(f"{value!r} is not {what} from {least:g} to {most:g}")
        return value

    return check


def _peer(value: str) -> str:
    host, port = host_port(value)
    return f"{bracketed(host)}:{port}"


def _advertised(value: str) -> str:
    """A host, or host:port; an IPv6 address that stands with a port has brackets."""
    try:
        return _peer(value)
    except ValueError:
        return bracketed(listening_host(value))


def _path(value: str) -> Path:
    if not value or "\0" in value:
        raise ValueError(f"{value!r} is not a path")
    return Path(value).expanduser()


def _rooms(value: str) -> Scope:
    return read_scope(value.split(","))


_port = _within(0, 65_535, "a port, a number")

CLUSTER_KEY = Option(
    "cluster-key-file", "cluster_key_file", "secret of the mesh, 32 bytes or more, the same on all nodes: encrypts it"
    " and lets it leave loopback; `main.py cluster-key make` makes one", "", "FILE", _path,
)  # fmt: skip

KEY_OPTIONS = (
    Option(
        "auth-key-file", "auth_key_file", "key of access tokens, 32 bytes or more, the same on all nodes; or the PEM"
        " public key of those who make them", "made in the data folder at the first start", "FILE", _path,
    ),
    Option("data-dir", "data_dir", "folder of this node's keys and identity", str(default_data_dir()), "FOLDER",
           _path),
)  # fmt: skip
"""What `token` takes beside its own."""

OPTIONS = (
    Option("name", "name", "name of this node, unique in the cluster", "host name and short id", "NAME",
           names.person_name),
    Option("host", "host", "address to listen on for clients", "127.0.0.1", "HOST", listening_host),
    Option("port", "port", "WebSocket and HTTP port, 0 for any free one",
           "8765; the console takes the next free one", "PORT", _port, int),
    Option("bus", "bus", "zeromq, or memory for one node alone", "zeromq", "ENGINE", _engine),
    Option("bus-host", "bus_host", "address where this node's mesh listens; off loopback it needs --cluster-key-file",
           "127.0.0.1", "HOST", listening_host),
    Option("bus-port", "bus_port", "port of the mesh, 0 for any free one", "8766 or the next free one", "PORT",
           _port, int),
    Option("bus-advertise", "bus_advertise", "address that other nodes are told, perhaps with a port",
           "where the mesh listens; with 0.0.0.0 or :: where a peer reached it", "HOST[:PORT]", _advertised),
    Option("peer", "peers", "mesh address of any node of the cluster, the rest is learned from it; repeatable", "",
           "HOST:PORT", _peer, repeatable=True),
    CLUSTER_KEY,
    Option("auth", "auth", "open: anyone may pick a name; token: a token is required", "open", "MODE",
           _one_of("open", "token")),
    *KEY_OPTIONS,
    Option("origin", "origins", "Origin of pages that may connect, * for all; repeatable", "same origin", "ORIGIN",
           origin_form, repeatable=True),
    Option("public-url", "public_url", "URL that clients are told to reach this node at", "from host and port",
           "URL", websocket_url),
    Option("tls-cert", "tls_cert", "serve https:// and wss:// with this certificate (PEM), read again on SIGHUP", "",
           "FILE", _path),
    Option("tls-key", "tls_key", "its private key, readable by this user alone", "", "FILE", _path),
    Option("trusted-proxy", "trusted_proxies", "address or network of a proxy that is believed in X-Forwarded-For and"
           " X-Forwarded-Proto; repeatable", "", "CIDR", network, repeatable=True),
    Option("resume-seconds", "resume_seconds", "how long a session whose connection is lost can resume", "300",
           "SECONDS", _within(1, 86_400, "a number"), int),
    Option("lost-seconds", "lost_seconds", "when members are told that such a session is lost", "30", "SECONDS",
           _within(0, 86_400, "a number"), float),
    Option("drain-seconds", "drain_seconds", "how long an ending node waits for its clients to move", "5", "SECONDS",
           _within(0, 3600, "a number"), float),
    Option("voice-fps", "voice_fps", "voice frames a second that one speaker may send, 0 for no limit", "55", "N",
           _within(0, 10_000, "a number"), int),
    Option("connections", "connections", "connections of clients that may be open at once, 0 for no limit",
           "what the limit of open files leaves", "N", _within(0, 10_000_000, "a number"), int),
    Option("address-connections", "address_connections", "of one address (IPv6: of one /64), 0 for no limit",
           "256", "N", _within(0, 10_000_000, "a number"), int),
    Option("address-handshakes", "address_handshakes", "new ones a second of one address, 0 for no limit",
           "20", "N", _within(0, 1_000_000, "a number"), int),
    Option("address-requests", "address_requests", "requests a second of one address, 0 for no limit",
           "500", "N", _within(0, 10_000_000, "a number"), int),
    Option("log-records", "log_records", "texts that a node keeps for repair and replay, of all nodes together",
           "100000", "N", _within(100, 10_000_000, "a number"), int),
    Option("log-bytes", "log_bytes", "their bytes", "67108864", "BYTES", _within(1 << 20, 1 << 40, "a number"), int),
    Option("log-seconds", "log_seconds", "how long it keeps them", "86400", "SECONDS",
           _within(60, 10 * 366 * 86_400, "a number"), float),
    Option("store", "store", "where bans, audit and texts are kept: URL of an SQLite file, a MariaDB or a PostgreSQL;"
           " one with a password belongs into the file or the environment", "SQLite in the data folder", "URL",
           StoreAddress.read),
    Option("history-days", "history_days", "how long the store keeps what was said, 0 for not at all", "30", "DAYS",
           _within(0, 3660, "a number"), int),
    Option("log-format", "log_format", "text or json, one line per event on standard error",
           "text on a terminal, else json", "FORMAT", _one_of("text", "json")),
)  # fmt: skip

_DEMO_HELP = (
    "show a cluster of three nodes with about forty people, all of them played; it has ports, a key and a data "
    "folder of its own and leaves nothing behind"
)
_DEMO_SEED = Option("demo-seed", "demo_seed", "", "", "N", _within(0, 10**9, "a number"), int)
NOT_IN_A_DEMO = (
    *("bus", "peers", "auth", "auth_key_file", "data_dir", "cluster_key_file", "bus_advertise"),
    *("tls_cert", "tls_key", "trusted_proxies", "store"),
)
"""Fields of what a demo has of its own; what file or environment say of them is for other consoles."""

TOKEN_OPTIONS = (
    Option("user", "user", "user that the token is for, required", "", "USER", names.user_name),
    Option("role", "role", "user, moderator or admin", "user", "ROLE", lambda value: Role(_one_of(*Role)(value))),
    Option("name", "name", "name shown to people", "chosen by the client", "NAME", names.person_name),
    Option("ttl", "ttl", "seconds until it expires", "3600", "SECONDS", _within(1, LONGEST_TTL, "a number"), int),
    Option("rooms", "rooms", "rooms that a moderator is limited to, * stands for anything; commas between several, or"
           " repeatable", "every room", "ROOM,TEAM-*", _rooms, repeatable=True),
)  # fmt: skip

CERTIFICATE_OPTIONS = (
    Option("host", "hosts", "name or address that clients will use, required; repeatable, so that all nodes can have"
           " the same", "", "NAME", listening_host, repeatable=True),
    Option("days", "days", "days until it expires", "365", "N", _within(1, 3650, "a number"), int),
    Option("out", "out", "folder for cert.pem and key.pem", "tls in the data folder", "DIR", _path),
)  # fmt: skip


def read_command(arguments: Sequence[str]) -> tuple[Command, Sequence[str]]:
    """Split the command from its options; no command means the console. Raises ConfigError."""
    if not arguments or arguments[0].startswith("-"):
        return "console", arguments
    if arguments[0] not in (*COMMANDS, PLAYERS):
        raise ConfigError(f"{arguments[0]!r} is not a command: the commands are {', '.join(COMMANDS)}")
    return arguments[0], arguments[1:]


def read_config(
    command: Literal["console", "node", "doctor"],
    arguments: Sequence[str],
    environment: Mapping[str, str] = os.environ,
) -> Config:
    """Read what a console, a node or a doctor was told. Raises ConfigError; `--help` prints, raises SystemExit."""
    parser = _parser(command, OPTIONS)
    if command == "node":
        parser.add_argument(
            "--ends-with-parent", action="store_true", help="end as on SIGTERM when standard input closes"
        )
    elif command == "console":
        parser.add_argument("--demo", action="store_true", help=_DEMO_HELP)
        parser.add_argument(
            "--demo-seed", metavar="N", help="which demo: the same number is the same script (default: 1)"
        )
    given = parser.parse(arguments)
    sources: dict[str, str] = {}
    values = gather(OPTIONS, OPTIONS, given, environment, sources)
    values.setdefault("log_format", "text" if os.isatty(2) else "json")
    config = Config(
        **{"name": "", "data_dir": default_data_dir(), **values},
        ends_with_parent=getattr(given, "ends_with_parent", False),
        demo_seed=_demo_seed(given),
        sources=tuple(sources.items()),
    )
    if config.bus == "memory" and config.peers:
        raise ConfigError("--peer: a node with --bus memory is alone, it has no peers")
    _check_mesh(config)
    for given_one, missing in ((config.tls_cert, "key"), (config.tls_key, "cert")):
        if given_one is not None and getattr(config, f"tls_{missing}") is None:
            raise ConfigError(f"--tls-{missing} is missing: TLS needs a certificate and its key")
    return config


def _check_mesh(config: Config) -> None:
    """Whether the mesh stays on loopback where it has no key. Raises ConfigError."""
    if config.cluster_key_file is not None or config.bus == "memory":
        return
    hosts = [("bus-host", config.bus_host)]
    if config.bus_advertise:
        hosts.append(("bus-advertise", config.bus_advertise))
    hosts += [("peer", peer) for peer in config.peers]
    for flag, text in hosts:
        try:
            host, _ = host_port(text)
        except ValueError:
            host = text.strip("[]")
        if not is_loopback(host):
            raise ConfigError(
                f"--{flag}: {text!r} is not loopback: off it the mesh is encrypted, which needs --cluster-key-file"
                " (`main.py cluster-key make` makes one)"
            )


def _demo_seed(given: argparse.Namespace) -> int | None:
    """Which demo a console was told to show. Raises ConfigError."""
    seed: str | None = getattr(given, "demo_seed", None)
    if not getattr(given, "demo", False):
        if seed is not None:
            raise ConfigError("--demo-seed: it is for --demo")
        return None
    for option in OPTIONS:
        if option.field in NOT_IN_A_DEMO and getattr(given, option.field) is not None:
            raise ConfigError(
                f"--{option.flag}: a demo is a cluster of its own, with a key and a data folder of its own"
            )
    return int(cast(int, read(_DEMO_SEED, "1" if seed is None else seed, "--demo-seed")))


def read_token_request(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> TokenRequest:
    """Read what `token` was told. Raises ConfigError; `--help` prints and raises SystemExit."""
    given = _parser("token", (*TOKEN_OPTIONS, *KEY_OPTIONS)).parse(arguments)
    # Its own options are this token's alone: a name in the environment is that of a node.
    own = {
        option.field: read(option, text, f"--{option.flag}")
        for option in TOKEN_OPTIONS
        if (text := getattr(given, option.field)) is not None
    }
    if "user" not in own:
        raise ConfigError("--user is required: it says whom the token is for")
    if "rooms" in own:
        if own.get("role") is not Role.MODERATOR:
            raise ConfigError("--rooms: it limits a moderator, so it needs --role moderator")
        own["rooms"] = _merged(cast(Sequence[Sequence[str]], own["rooms"]))
    values: dict[str, Any] = {
        "data_dir": default_data_dir(),
        **gather(KEY_OPTIONS, OPTIONS, given, environment),
        **own,
    }
    return TokenRequest(**values)


def _merged(scopes: Sequence[Sequence[str]]) -> Scope:
    """One scope of several. Raises ConfigError."""
    try:
        return read_scope([room for scope in scopes for room in scope])
    except ValueError as error:
        raise ConfigError(f"--rooms: {error}") from None


def read_key_request(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> KeyRequest:
    """Read what `cluster-key` was told. Raises ConfigError; `--help` prints and raises SystemExit."""
    parser = _parser("cluster-key", (CLUSTER_KEY,))
    parser.usage = f"%(prog)s {{{','.join(KEY_ACTIONS)}}} --cluster-key-file FILE [--new FILE]"
    parser.add_argument("action", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument(
        "--new", metavar="FILE", help="with rotate: the secret to change to (default: one that is made)"
    )
    given = parser.parse(arguments)
    if given.action not in KEY_ACTIONS:
        wrong = "nothing is asked for" if given.action is None else f"{shown(given.action)} is not known"
        raise ConfigError(f"cluster-key: {wrong}, it is one of {', '.join(KEY_ACTIONS)}")
    if given.new is not None and given.action != "rotate":
        raise ConfigError("--new: it is for rotate")
    values = gather((CLUSTER_KEY,), OPTIONS, given, environment)
    if "cluster_key_file" not in values:
        raise ConfigError("--cluster-key-file is required: it says where the secret is, or shall be")
    new = None if given.new is None else Path(given.new).expanduser()
    return KeyRequest(action=given.action, file=values["cluster_key_file"], new=new)


def read_certificate_request(arguments: Sequence[str]) -> CertificateRequest:
    """Read what `tls` was told. Raises ConfigError; `--help` prints and raises SystemExit."""
    parser = _parser("tls", CERTIFICATE_OPTIONS, config=False)
    parser.add_argument("what", metavar="self-signed", nargs="?", help="the one kind that it can make")
    parser.add_argument("--force", action="store_true", help="replace the files that are there")
    given = parser.parse(arguments)
    if given.what != "self-signed":
        raise ConfigError(f"tls makes one kind of certificate: {SELF_SIGNED}")
    values: dict[str, Any] = {
        option.field: read(option, text, f"--{option.flag}")
        for option in CERTIFICATE_OPTIONS
        if (text := getattr(given, option.field)) is not None
    }
    if "hosts" not in values:
        raise ConfigError(f"--host is required, it says by which name clients come: {SELF_SIGNED}")
    return CertificateRequest(**{"out": default_data_dir() / "tls", **values}, force=given.force)


def read_audit_request(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> AuditRequest:
    """Read what `audit` was told. Raises ConfigError; `--help` prints and raises SystemExit."""
    own = tuple(option for option in OPTIONS if option.field in ("store", "data_dir"))
    parser = _parser("audit", own)
    parser.usage = f"%(prog)s {{{','.join(AUDIT_ACTIONS)}}} [--store URL] [--data-dir FOLDER] [--format csv|json]"
    parser.add_argument("action", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--format", metavar="FORMAT", help="with export: csv or json (default: csv)")
    parser.add_argument(
        "--against",
        metavar="URL",
        action="append",
        default=[],
        help="with verify: the store of another node, whose hashes have to fit too; repeatable",
    )
    given = parser.parse(arguments)
    if given.action not in AUDIT_ACTIONS:
        wrong = "nothing is asked for" if given.action is None else f"{shown(given.action)} is not known"
        raise ConfigError(f"audit: {wrong}, it is one of {', '.join(AUDIT_ACTIONS)}")
    if given.format not in (None, "csv", "json"):
        raise ConfigError(f"--format: {given.format!r} is none of csv, json")
    if given.format is not None and given.action != "export":
        raise ConfigError("--format: it is for export")
    if given.against and given.action != "verify":
        raise ConfigError("--against: it is for verify")
    values = gather(own, OPTIONS, given, environment)
    config = Config(name="", **{"data_dir": default_data_dir(), **values})
    try:
        against = tuple(map(StoreAddress.read, given.against))
    except ValueError as error:
        raise ConfigError(f"--against: {error}") from None
    return AuditRequest(
        action=given.action, store=config.store_address, format=given.format or "csv", against=against
    )


def _parser(command: Command, options: Sequence[Option], *, config: bool = True) -> Parser:
    commands = "\n".join(f"  {name:13}{meaning}" for name, meaning in COMMANDS.items())
    parser = Parser(
        prog="main.py" if command == "console" else f"main.py {command}",
        usage="%(prog)s [command] [options]" if command == "console" else "%(prog)s [options]",
        description=f"Switchboard: {COMMANDS[command]}.",
        epilog=(f"commands (each has its own --help):\n{commands}\n\n" if command == "console" else "")
        + SOURCES[command],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for option in options:
        default = f" (default: {option.default})" if option.default else ""
        parser.add_argument(
            f"--{option.flag}",
            dest=option.field,
            metavar=option.metavar,
            action="append" if option.repeatable else "store",
            help=f"{option.meaning}{default}".replace("%", "%%"),
        )
    if config:
        parser.add_argument("--config", metavar="FILE", help="TOML file with options")
    return parser
