"""What addresses may look like: hosts, host and port, origins, WebSocket URLs."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

URL_CHARS = 512
"""The longest URL taken: with it a node's card stays within what a heart-beat carries."""

SCOPE_CHARS = 15
"""The longest name of a network interface, as it may stand behind the ``%`` of an IPv6 address."""

_LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*\.?")


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    scope = host.partition("%")[2]
    return not scope or (len(scope) <= SCOPE_CHARS and _NAME.fullmatch(scope) is not None)


def listening_host(text: str) -> str:
    """An IP address, in brackets or not, or a host name. Raises ValueError with a sentence."""
    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if not _is_ip(host) and not _NAME.fullmatch(host):
        raise ValueError(f"{text!r} is not a host")
    return host


def bracketed(host: str) -> str:
    """A host as it stands in a URL and before a port: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def is_name(host: str) -> bool:
    """Whether `host` is a name by which clients reach a machine over a network: no address, and not ``localhost``."""
    return host != "localhost" and not _is_ip(host)


def is_loopback(host: str) -> bool:
    """Whether `host` surely is this machine alone; of names only ``localhost`` is."""
    return host == "localhost" or (_is_ip(host) and ipaddress.ip_address(host).is_loopback)


def network_of(ip: str) -> str:
    """Whom an address stands for: itself, of IPv6 its /64, as that is what one customer gets; ``""`` for loopback.

    What is no address stands for itself.
    """
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return ip
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return "" if address.is_loopback else str(ipaddress.ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return "" if address.is_loopback else str(address)


def host_port(text: str) -> tuple[str, int]:
    """``host:port`` in two; an IPv6 address stands in brackets. Raises ValueError with a sentence."""
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    fits = colon and port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65_535
    if not fits or (":" in host and bare is host) or not (_is_ip(bare) or _NAME.fullmatch(bare)):
        raise ValueError(f"{text!r} is not host:port")
    return bare, int(port)


def origin_form(text: str) -> str:
    """An ``Origin`` as browsers send it, or ``*``. Raises ValueError with a sentence."""
    if text == "*":
        return text
    if not _is_url(text, ("http", "https")) or text != "{0.scheme}://{0.netloc}".format(urlsplit(text)):
        raise ValueError(
            f"{text!r} is not an origin: it is * or a scheme, a host and perhaps a port, as https://a.example"
        )
    return text.lower()


def websocket_url(text: str) -> str:
    """A ``ws://`` or ``wss://`` URL of `URL_CHARS` at most. Raises ValueError with a sentence."""
    if len(text) > URL_CHARS:
        raise ValueError(f"a URL of {len(text)} characters is too long, {URL_CHARS} is the most")
    if not _is_url(text, ("ws", "wss")):
        raise ValueError(f"{text!r} is not a ws:// or wss:// URL")
    return text


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    if not text.isascii() or not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    return (
        parts.scheme in schemes
        and "@" not in parts.netloc
        and not parts.fragment
        and (_is_ip(host) or _NAME.fullmatch(host) is not None)
        and (port is None or port > 0)
    )
