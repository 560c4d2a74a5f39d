"""What a node was told, for its operator: each value and who gave it; of secrets the file and a fingerprint."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from typing import TYPE_CHECKING

from bus import private
from server.exposure import Exposure
from server.identity import key_file
from server.option import Option
from server.options import OPTIONS

if TYPE_CHECKING:
    from server.config import Config

_FINGERPRINT = b"switchboard fingerprint\0"


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """One option as it is."""

    flag: str
    """As on the command line, without the dashes."""
    value: str
    """Never a secret: of one it is the path of its file."""
    source: str
    """Who gave it, in a few words."""
    note: str = ""
    """What else an operator should know: a fingerprint, an end."""


def settings(config: Config, exposure: Exposure, cluster_key: str) -> list[Setting]:
    """Every option of the node that runs with `config`, in the order of the help.

    `cluster_key` is the fingerprint of the mesh's key, empty where it has none.
    """
    sources = dict(config.sources)
    notes = {
        "auth_key_file": _note_of_key(config),
        "cluster_key_file": f"fingerprint {cluster_key}" if cluster_key else "",
        "tls_cert": _note_of(exposure),
    }
    return [
        Setting(option.flag, _value(option, config), _source(option, config, sources), notes.get(option.field, ""))
        for option in OPTIONS
    ]


def fingerprint(secret: bytes) -> str:
    """What two people compare to see that they have the same secret; of one drawn at random it tells nothing."""
    digest = hashlib.sha256(_FINGERPRINT + secret).hexdigest()[:16]
    return " ".join(digest[place : place + 4] for place in range(0, 16, 4))


def _value(option: Option, config: Config) -> str:
    value = key_file(config.auth_key_file, config.data_dir) if option.field == "auth_key_file" else None
    value = getattr(config, option.field) if value is None else value
    if isinstance(value, tuple):
        return ", ".join(value) or option.default or "none"
    if value is None or value == "":
        return option.default or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _source(option: Option, config: Config, sources: dict[str, str]) -> str:
    source = sources.get(option.field, "")
    if option.field == "peers" and not source and config.peers:
        return "launched earlier by this console"
    words = {
        "": "default",
        "option": f"command line, --{option.flag}",
        "demo": "the demo",
        "environment": f"environment, {option.variable}",
    }
    return words.get(source, f"file, {source}")


def _note_of(exposure: Exposure) -> str:
    certificate = exposure.certificate
    if certificate is None:
        return ""
    until = datetime.datetime.fromtimestamp(certificate.expires / 1000, datetime.UTC)
    return (
        f"until {until:%Y-%m-%d}, SHA-256 {certificate.fingerprint[:23]}…,"
        f" for {', '.join(certificate.names) or 'no host'}"
    )


def _note_of_key(config: Config) -> str:
    try:
        key = private.read(key_file(config.auth_key_file, config.data_dir)).strip()
    except OSError:
        return ""
    return f"fingerprint {fingerprint(key)}"
