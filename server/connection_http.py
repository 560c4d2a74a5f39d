"""What is said before a connection is a WebSocket, in the terms of `websockets`: answers, and what is spoken."""

from __future__ import annotations

from collections.abc import Sequence

from websockets.datastructures import Headers
from websockets.exceptions import NegotiationError
from websockets.http11 import Response
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from server import web

SUBPROTOCOL = Subprotocol("switchboard.v1")
HEAD_BYTES = 16_384
"""No request that is understood has a longer head."""


def is_request(head: bytes) -> bool:
    """Whether these bytes are the whole head of a request, or can be the beginning of none."""
    if len(head) > HEAD_BYTES or b"\r\n\r\n" in head or not (head[:1].isalpha() and head[:1].isupper()):
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
