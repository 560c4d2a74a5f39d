"""What the port answers to plain HTTP: the browser client, health and metrics; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from http import HTTPStatus

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'self'; connect-src 'self' ws: wss:; "  # its page goes on at another node when this one is gone
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
    ),
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer; the connection is closed after it."""

    status: HTTPStatus
    headers: Mapping[str, str]
    body: bytes


def plain(status: HTTPStatus, sentence: str, **headers: str) -> Reply:
    """A sentence for a person or a script."""
    return _reply(status, "text/plain; charset=utf-8", sentence.encode() + b"\n", **headers)


def _reply(status: HTTPStatus, content_type: str, body: bytes, **headers: str) -> Reply:
    length = {"Content-Type": content_type, "Content-Length": str(len(body)), "Connection": "close"}
    return Reply(status, {**_HEADERS, **length, **headers}, body)


class Site:
    """A fixed list of files, each served under its exact path and no other (security: no path is ever opened)."""

    def __init__(self, files: Mapping[str, tuple[str, bytes]]) -> None:
        """`files` maps a path such as ``/app.js`` to content type and content."""
        self._replies = {path: _reply(HTTPStatus.OK, kind, body) for path, (kind, body) in files.items()}

    def find(self, path: str) -> Reply | None:
        """The file at `path`, or None."""
        return self._replies.get(path)


def answer(
    method: str,
    path: str,
    *,
    site: Site,
    not_ready: str | None,
    metrics: bytes | None,
    metrics_type: str,
    remark: str = "",
) -> Reply:
    """Answer one request; `path` is as received, without query. `metrics` is looked at for ``/metrics`` only.

    `remark` is what should be known of a node that is ready all the same.

    A HEAD is answered like a GET without the body (RFC 9110, 9.3.2).
    """
    reply = _answer_get(path, site, not_ready, remark, metrics, metrics_type)
    if method == "GET":
        return reply
    if method == "HEAD":
        return dataclasses.replace(reply, body=b"")
    return plain(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD are answered here", Allow="GET, HEAD")


def _answer_get(
    path: str, site: Site, not_ready: str | None, remark: str, metrics: bytes | None, metrics_type: str
) -> Reply:
    match path:
        case "/healthz":
            return plain(HTTPStatus.OK, "ok")
        case "/readyz":
            if not_ready:
                return plain(HTTPStatus.SERVICE_UNAVAILABLE, not_ready)
            return plain(HTTPStatus.OK, f"ready; {remark}" if remark else "ready")
        case "/metrics":
            return _reply(HTTPStatus.OK, metrics_type, metrics or b"")
        case "/ws":
            return plain(HTTPStatus.UPGRADE_REQUIRED, "connect here with a WebSocket", Upgrade="websocket")
    return site.find(path) or plain(HTTPStatus.NOT_FOUND, "there is nothing here")


def no_request(head: bytes) -> Reply:
    """The answer to what could not be read as a request without a body; `head` is how it begins."""
    method = head.split(b" ", 1)[0]
    if method.isalpha() and method.isupper() and method not in (b"GET", b"HEAD"):
        return answer(method.decode(), "/", site=Site({}), not_ready=None, metrics=None, metrics_type="")
    return NO_REQUEST


NO_REQUEST = plain(HTTPStatus.BAD_REQUEST, "this is no HTTP request that is understood here")


def tls_only() -> Reply:
    """The answer to HTTP on a port that speaks TLS."""
    return plain(HTTPStatus.BAD_REQUEST, "this port speaks TLS: use https:// for pages and wss:// for clients")
