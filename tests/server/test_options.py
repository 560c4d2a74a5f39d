"""Options: what each takes and refuses, which source wins, what the refusals say."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bus.interface import Bounds
from server import options
from server.config import Config, ConfigError, TokenRequest
from server.options import OPTIONS, read_certificate_request, read_command, read_config, read_token_request
from server.session import Role


def read(*arguments: str, environment: dict[str, str] | None = None) -> Config:
    return read_config("node", arguments, environment or {})


def refusal(*arguments: str, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as raised:
        read(*arguments, environment=environment)
    return str(raised.value)


def test_the_defaults_are_those_of_the_protocol() -> None:
    config = read()
    assert (config.host, config.port, config.bus, config.bus_host, config.bus_port) == (
        "127.0.0.1", None, "zeromq", "127.0.0.1", None,
    )  # fmt: skip
    assert (config.name, config.peers, config.auth, config.origins, config.public_url) == ("", (), "open", (), None)
    assert (config.resume_seconds, config.lost_seconds) == (300, 30.0)
    assert (config.drain_seconds, config.voice_fps, config.auth_key_file) == (5.0, 55, None)
    assert config.ends_with_parent is False


@pytest.mark.parametrize(
    ("argument", "field", "value"),
    [
        ("--name= Ann's node ", "name", "Ann's node"),
        ("--name=--help", "name", "--help"),
        ("--name=" + "n" * 32, "name", "n" * 32),
        ("--host=0.0.0.0", "host", "0.0.0.0"),
        ("--host=[::1]", "host", "::1"),
        ("--host=my-machine.example", "host", "my-machine.example"),
        ("--port=0", "port", 0),
        ("--port=65535", "port", 65535),
        ("--bus=memory", "bus", "memory"),
        ("--bus-host=127.0.0.2", "bus_host", "127.0.0.2"),
        ("--bus-host=localhost", "bus_host", "localhost"),
        ("--bus-port=0", "bus_port", 0),
        ("--peer=127.0.0.1:8766", "peers", ("127.0.0.1:8766",)),
        ("--peer=[::1]:8766", "peers", ("[::1]:8766",)),
        ("--auth=token", "auth", "token"),
        ("--auth-key-file=some/key", "auth_key_file", Path("some/key")),
        ("--data-dir=some/where", "data_dir", Path("some/where")),
        ("--origin=*", "origins", ("*",)),
        ("--origin=https://A.example:8443", "origins", ("https://a.example:8443",)),
        ("--public-url=wss://voice.example/ws", "public_url", "wss://voice.example/ws"),
        ("--trusted-proxy=10.0.0.0/8", "trusted_proxies", ("10.0.0.0/8",)),
        ("--trusted-proxy=::1", "trusted_proxies", ("::1/128",)),
        ("--resume-seconds=60", "resume_seconds", 60),
        ("--lost-seconds=0.5", "lost_seconds", 0.5),
        ("--drain-seconds=0.5", "drain_seconds", 0.5),
        ("--voice-fps=0", "voice_fps", 0),
        ("--log-format=text", "log_format", "text"),
        ("--ends-with-parent", "ends_with_parent", True),
    ],
)
def test_an_option_is_taken(argument: str, field: str, value: object) -> None:
    assert getattr(read(argument), field) == value


@pytest.mark.parametrize(
    ("argument", "why"),
    [
        ("--name=", "--name: name is empty"),
        ("--name=" + "n" * 33, "--name: name has 33 characters, 32 is the most"),
        ("--name=a\nb", "--name: name holds a control"),
        ("--name=a\u202eb", "--name: name holds a control"),
        ("--host=a b", "--host: 'a b' is not a host"),
        ("--host=http://x", "--host: "),
        ("--port=65536", "--port: 65536 is not a port"),
        ("--port=-1", "--port: -1 is not a port"),
        ("--port=1.5", "--port: '1.5' is not a whole number"),
        ("--port=١", "--port: "),
        ("--port=" + "9" * 5000, "--port: "),
        ("--bus=redis", "--bus: redis is not available"),
        ("--bus=rabbit", "--bus: 'rabbit' is none of zeromq, memory"),
        (
            "--bus-host=0.0.0.0",
            "--bus-host: '0.0.0.0' is not loopback: off it the mesh is encrypted",
        ),
        ("--bus-host=fd00::1", "--bus-host: 'fd00::1' is not loopback"),
        ("--bus-advertise=10.0.0.1", "--bus-advertise: '10.0.0.1' is not loopback"),
        ("--bus-advertise=a b", "--bus-advertise: 'a b' is not a host"),
        ("--bus-host=node.example", "--bus-host: 'node.example' is not loopback"),
        ("--bus-port=x", "--bus-port: "),
        ("--peer=127.0.0.1", "--peer: '127.0.0.1' is not host:port"),
        ("--peer=127.0.0.1:0", "--peer: "),
        ("--peer=127.0.0.1:99999", "--peer: "),
        ("--peer=::1:8766", "--peer: "),
        ("--peer=10.0.0.1:8766", "--peer: '10.0.0.1:8766' is not loopback"),
        ("--auth=none", "--auth: 'none' is none of open, token"),
        ("--auth-key-file=", "--auth-key-file: "),
        ("--data-dir=", "--data-dir: "),
        ("--origin=a.example", "--origin: "),
        ("--origin=https://a.example/", "--origin: "),
        ("--origin=null", "--origin: "),
        ("--public-url=http://a.example/", "--public-url: "),
        ("--public-url=ws://", "--public-url: "),
        ("--tls-cert=c.pem", "--tls-key is missing"),
        ("--tls-key=k.pem", "--tls-cert is missing"),
        ("--tls-key=", "--tls-key: '' is not a path"),
        ("--trusted-proxy=10.0.0.1/8", "--trusted-proxy: '10.0.0.1/8' is no network: is 10.0.0.0/8 meant?"),
        ("--trusted-proxy=proxy.example", "--trusted-proxy: 'proxy.example' is no address and no network"),
        ("--trusted-proxy=*", "--trusted-proxy: "),
        ("--drain-seconds=-1", "--drain-seconds: "),
        ("--drain-seconds=nan", "--drain-seconds: 'nan' is not a number"),
        ("--drain-seconds=soon", "--drain-seconds: "),
        ("--voice-fps=-1", "--voice-fps: "),
        ("--log-format=xml", "--log-format: "),
        ("--port", "--port: expected one argument"),
        ("--prot=5", "--prot is not an option here; is --port meant?"),
        ("--por=5", "--por is not an option here"),
        ("--bus-url=redis://x", "--bus-url is not an option here"),
        ("--cluster-key-file=", "--cluster-key-file: "),
        ("--resume-seconds=0", "--resume-seconds: 0 is not a number from 1 to 86400"),
        ("--resume-seconds=1.5", "--resume-seconds: '1.5' is not a whole number"),
        ("--lost-seconds=-1", "--lost-seconds: "),
        ("extra", "extra is not an option here"),
        ("--config=/nowhere/at/all.toml", "--config: /nowhere/at/all.toml cannot be read"),
    ],
)
def test_a_wrong_option_is_named_with_the_reason(argument: str, why: str) -> None:
    assert refusal(argument).startswith(why)


def test_a_peer_makes_no_sense_to_a_node_alone() -> None:
    assert refusal("--bus=memory", "--peer=127.0.0.1:1").startswith("--peer: ")


def test_commands() -> None:
    assert read_command([]) == ("console", [])
    assert read_command(["--port", "0"]) == ("console", ["--port", "0"])
    assert read_command(["node", "--port", "0"]) == ("node", ["--port", "0"])
    with pytest.raises(ConfigError, match="'bench' is not a command: the commands are console, node, token"):
        read_command(["bench"])


def test_only_a_node_ends_with_its_parent() -> None:
    with pytest.raises(ConfigError, match="--ends-with-parent is not an option here"):
        read_config("console", ["--ends-with-parent"], {})


def test_command_line_beats_environment_beats_file(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text('name = "file"\nhost = "127.0.0.3"\nport = 3\npeer = ["127.0.0.1:3"]\n')
    environment = {"SWITCHBOARD_NAME": "variable", "SWITCHBOARD_PORT": "2", "SWITCHBOARD_CONFIG": str(file)}
    config = read("--name=line", environment=environment)
    assert (config.name, config.port, config.host, config.peers) == ("line", 2, "127.0.0.3", ("127.0.0.1:3",))
    assert read(f"--config={file}").name == "file"


def test_a_file_speaks_of_all_options_in_its_own_types(tmp_path: Path) -> None:
    file = tmp_path / "all.toml"
    file.write_text(
        'name = "n1"\nhost = "127.0.0.1"\nport = 0\nbus = "zeromq"\nbus-host = "127.0.0.1"\nbus-port = 0\n'
        'peer = ["127.0.0.1:1", "127.0.0.1:2"]\nauth = "token"\nauth-key-file = "key"\ndata-dir = "/data"\n'
        'cluster-key-file = "cluster.key"\nbus-advertise = "127.0.0.1:9000"\n'
        'origin = "*"\npublic-url = "ws://a.example/ws"\ndrain-seconds = 1\nvoice-fps = 60\nlog-format = "text"\n'
        'tls-cert = "c.pem"\ntls-key = "/k.pem"\ntrusted-proxy = ["10.0.0.0/8"]\n'
        "resume-seconds = 60\nlost-seconds = 7.5\n"
        "connections = 1000\naddress-connections = 10\naddress-handshakes = 5\naddress-requests = 50\n"
        "log-records = 1000\nlog-bytes = 2000000\nlog-seconds = 3600\n"
        'store = "sqlite:///kept.db"\nhistory-days = 7\n'
    )
    assert set(re.findall(r"^[a-z-]+", file.read_text(), flags=re.M)) == {option.flag for option in OPTIONS}
    config = read(f"--config={file}")
    assert config.store_address.url == str(tmp_path / "kept.db")
    assert config.peers == ("127.0.0.1:1", "127.0.0.1:2")
    assert config.origins == ("*",)
    assert config.auth_key_file == tmp_path / "key"
    assert config.data_dir == Path("/data")
    assert (config.tls_cert, config.tls_key) == (tmp_path / "c.pem", Path("/k.pem"))
    assert config.drain_seconds == 1
    assert config.bounds == Bounds(records=1000, size=2_000_000, seconds=3600)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("prot = 1", "prot is not an option; is port meant?"),
        ("bus_port = 1", "bus_port is not an option; is bus-port meant?"),
        ("config = 'x'", "config is not an option"),
        ("ends-with-parent = true", "ends-with-parent is not an option"),
        ("[node]\nport = 1", "node is not an option"),
        ("port = '8765'", "port must be a whole number"),
        ("port = true", "port must be a whole number"),
        ("port = 70000", "port: 70000 is not a port"),
        ("name = 5", "name must be a text"),
        ("drain-seconds = nan", "drain-seconds must be a number"),
        ("peer = [1]", "peer must be a text"),
        ("peer = 1", "peer must be a text or a list of texts"),
        ("host = ['a']", "host must be a text"),
        ("origin = ['nonsense']", "origin: 'nonsense' is not an origin"),
    ],
)
def test_a_wrong_file_is_named_with_the_key(tmp_path: Path, content: str, why: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(content)
    assert refusal(f"--config={file}").startswith(f"{file}: {why}")


@pytest.mark.parametrize("content", [b"port = ", b"\xff\xfe", b"port = 1\nport = 2"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.toml"
    file.write_bytes(content)
    assert refusal(f"--config={file}").startswith(f"--config: {file} is not TOML: ")


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("SWITCHBOARD_PORT", "x", "SWITCHBOARD_PORT: 'x' is not a whole number"),
        ("SWITCHBOARD_PROT", "1", "SWITCHBOARD_PROT in the environment is not an option; is SWITCHBOARD_PORT meant?"),
        ("SWITCHBOARD_BUS_HOST", "a b", "SWITCHBOARD_BUS_HOST: "),
        ("SWITCHBOARD_CONFIG", "/nowhere/at/all", "--config: "),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str, why: str) -> None:
    assert refusal(environment={variable: value}).startswith(why)


def test_several_values_of_a_variable_are_separated_by_commas_and_an_empty_one_is_none() -> None:
    config = read(environment={"SWITCHBOARD_PEER": "127.0.0.1:1, 127.0.0.1:2", "SWITCHBOARD_PORT": ""})
    assert config.peers == ("127.0.0.1:1", "127.0.0.1:2")
    assert config.port is None


def test_peers_are_repeated() -> None:
    assert read("--peer=127.0.0.1:1", "--peer", "localhost:2").peers == ("127.0.0.1:1", "localhost:2")


def token(*arguments: str, environment: dict[str, str] | None = None) -> TokenRequest:
    return read_token_request(arguments, environment or {})


def test_a_token_is_asked_for() -> None:
    request = token("--user=ann@example.org", "--role=moderator", "--name=Ann", "--ttl=60", "--data-dir=x")
    assert (request.user, request.role, request.name, request.ttl) == ("ann@example.org", Role.MODERATOR, "Ann", 60)
    assert request.data_dir == Path("x")


def test_a_moderator_is_limited_to_rooms() -> None:
    request = token("--user=mo", "--role=moderator", "--rooms=lobby, team-*", "--rooms=dev", "--rooms=lobby")
    assert request.rooms == ("lobby", "team-*", "dev")
    assert token("--user=mo", "--role=moderator").rooms is None


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--rooms=lobby",), "--rooms: it limits a moderator, so it needs --role moderator"),
        (("--role=admin", "--rooms=lobby"), "--rooms: it limits a moderator, so it needs --role moderator"),
        (("--role=moderator", "--rooms="), "--rooms: rooms is empty"),
        (("--role=moderator", "--rooms=a/b"), "--rooms: rooms may hold letters"),
        (("--role=moderator", "--rooms=" + ",".join(map(str, range(65)))), "--rooms: these are too many"),
        (("--role=moderator", *(f"--rooms={n}" for n in range(65))), "--rooms: these are too many"),
    ],
)
def test_rooms_that_no_token_can_hold_are_refused(arguments: tuple[str, ...], why: str) -> None:
    with pytest.raises(ConfigError) as raised:
        token("--user=mo", *arguments)
    assert str(raised.value).startswith(why)


def test_what_the_environment_says_of_a_node_is_not_said_of_a_token() -> None:
    request = token("--user=ann", environment={"SWITCHBOARD_NAME": "n1", "SWITCHBOARD_DATA_DIR": "there"})
    assert request.name is None
    assert request.data_dir == Path("there")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "--user is required"),
        (("--user=",), "--user: user may hold"),
        (("--user=a b",), "--user: "),
        (("--user=" + "u" * 65,), "--user: user has 65 characters"),
        (("--user=a", "--role=king"), "--role: 'king' is none of user, moderator, admin"),
        (("--user=a", "--ttl=0"), "--ttl: "),
        (("--user=a", "--ttl=x"), "--ttl: "),
        (("--user=a", "--name=\x1b"), "--name: "),
        (("--user=a", "--port=1"), "--port is not an option here"),
    ],
)
def test_a_wrong_token_request_is_refused(arguments: tuple[str, ...], why: str) -> None:
    with pytest.raises(ConfigError) as raised:
        token(*arguments)
    assert str(raised.value).startswith(why)


@pytest.mark.parametrize("command", ["console", "node", "token", "doctor"])
def test_help_lists_every_option_with_its_default(command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    reader = read_token_request if command == "token" else partial(read_config, command)
    with pytest.raises(SystemExit) as left:
        reader(["--help"], {})
    assert left.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    listed = (*options.TOKEN_OPTIONS, *options.KEY_OPTIONS) if command == "token" else OPTIONS
    for option in listed:
        assert f"--{option.flag} {option.metavar}" in text
        if option.default and option.flag != "data-dir":
            assert f"(default: {option.default})" in text
    for later in ("--bus-url", "bench"):
        assert later not in text


def test_a_certificate_is_asked_for(tmp_path: Path) -> None:
    request = read_certificate_request(
        ["self-signed", "--host=Voice.example", "--host", "[::1]", "--days=30", f"--out={tmp_path}", "--force"]
    )
    assert (request.hosts, request.days) == (("Voice.example", "::1"), 30)
    assert (request.out, request.force) == (tmp_path, True)
    assert read_certificate_request(["self-signed", "--host=a"]).force is False


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "tls makes one kind of certificate: tls self-signed --host NAME"),
        (["signed"], "tls makes one kind"),
        (["self-signed"], "--host is required"),
        (["self-signed", "--host=a b"], "--host: 'a b' is not a host"),
        (["self-signed", "--host=a", "--days=0"], "--days: "),
        (["self-signed", "--host=a", "--out="], "--out: "),
        (["self-signed", "--host=a", "--port=1"], "--port is not an option here"),
    ],
)
def test_a_wrong_request_for_a_certificate_is_refused(arguments: list[str], why: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(why)):
        read_certificate_request(arguments)
