"""What is said before a connection is a WebSocket, in the terms of `websockets`: answers, and what is spoken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from websockets.datastructures import Headers
from websockets.exceptions import NegotiationError
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from server import web
from server.metrics import CONTENT_TYPE
from server.origins import is_allowed
from server.proxies import scheme

if TYPE_CHECKING:
    from server.gateway import Gateway
    from server.node import Node

SUBPROTOCOL = Subprotocol("switchboard.v1")
STORE_FAILS = "the store fails, so that what has to last is refused"
"""What ``/readyz`` says of it; why is for the operator, in the log and the window."""
HEAD_END = b"\r\n\r\n"
HEAD_BYTES = 16_384
"""No request that is understood has a longer head."""


def is_request(head: bytes) -> bool:
    """Whether these bytes are the whole head of a request, or can be the beginning of none."""
    if len(head) > HEAD_BYTES or HEAD_END in head or not (head[:1].isalpha() and head[:1].isupper()):
        return True
    line, newline, _ = head.partition(b"\n")
    return bool(newline) and not line.endswith(b" HTTP/1.1\r")


def select_subprotocol(_wire: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Ours, which is also meant where none is offered. Raises NegotiationError."""
    if SUBPROTOCOL in offered:
        return SUBPROTOCOL
    if offered:
        raise NegotiationError(f"this node speaks {SUBPROTOCOL}")
    return None


def is_for_websocket(request: Request) -> bool:
    """Whether it asks for what clients speak."""
    upgrade = any(value.lower() == "websocket" for value in request.headers.get_all("Upgrade"))
    return request.method == "GET" and _path(request) == "/ws" and upgrade


def is_page_allowed(gateway: Gateway, headers: Headers, *, proxied: bool) -> bool:
    """Whether the page that asks may connect; `proxied` if a trusted proxy passes it on."""
    told = scheme(headers.get_all("X-Forwarded-Proto")) if proxied else None
    return is_allowed(
        headers.get_all("Origin"),
        headers.get_all("Host"),
        named=gateway.node.config.origins,
        schemes=gateway.schemes if told is None else (told,),
        is_own_host=lambda host: proxied or gateway.is_own_host(host),
        is_page_of_other=gateway.node.cards.is_page_of_other,
    )


def answer(gateway: Gateway, request: Request) -> web.Reply:
    """What a request that is for no WebSocket is answered."""
    path = _path(request)
    return web.answer(
        request.method,
        path,
        site=gateway.site,
        not_ready=_not_ready(gateway.node),
        remark=STORE_FAILS if gateway.node.store is not None and gateway.node.store.failing else "",
        metrics=gateway.metrics.text() if path == "/metrics" else None,
        metrics_type=CONTENT_TYPE,
    )


def as_response(reply: web.Reply) -> Response:
    """An answer as the library sends it."""
    headers = Headers()
    for name, value in reply.headers.items():
        headers[name] = value
    return Response(reply.status.value, reply.status.phrase, headers, reply.body)


def write_reply(reply: web.Reply) -> bytes:
    """The bytes of an answer."""
    return as_response(reply).serialize()


def untie(wire: ServerProtocol) -> None:
    """Let go what holds itself: the garbage collector is not asked about connections (server/garbage.py)."""
    wire.parser.close()
    wire.parser_exc = wire.handshake_exc = None
    vars(wire).pop("select_subprotocol", None)


def _not_ready(node: Node) -> str | None:
    if node.draining:
        drain = node.departure.view()
        left = f", {drain.left} of {drain.of} sessions left" if drain else ""
        return f"draining: this node is going away{left}"
    return None if node.synced else "joining: this node does not know the cluster yet"


def _path(request: Request) -> str:
    return request.path.partition("?")[0]
