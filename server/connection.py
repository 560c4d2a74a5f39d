"""One client's socket: bytes in, bytes out, on the sans-I/O layer of `websockets`; nothing is decided here.

Frames are handled inside `data_received`; what a turn of the event loop gathered is written at once at its end.
"""

from __future__ import annotations

import asyncio
import enum
import itertools
import logging
import socket
from typing import TYPE_CHECKING, cast

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import SEND_EOF
from websockets.protocol import State as WireState
from websockets.server import ServerProtocol

from server import web
from server.closing import BROKEN_TEXT, TOO_BIG, TOO_SLOW, Closing
from server.connection_http import (
    HEAD_END,
    answer,
    as_response,
    is_for_websocket,
    is_page_allowed,
    is_request,
    select_subprotocol,
    untie,
    write_reply,
)
from server.conversation import Conversation
from server.link import HELLO_SECONDS, State
from server.outbox import TEXT_LIMIT, VOICE_LIMIT, Outbox
from server.wire import native, voice
from server.wire.websocket import Edges, sole_payload

try:
    from websockets.speedups import apply_mask
except ImportError:  # a wheel without compiled parts
    from websockets.utils import apply_mask

if TYPE_CHECKING:
    from server.gateway import Gateway

_wire_logger = logging.getLogger(__name__ + ".websockets")
_wire_logger.setLevel(logging.WARNING)

HANDSHAKE_SECONDS = 10.0
PING_SECONDS = 10.0
"""Between pings, and for the answer to one (protocol.md section 8)."""
FIRST_PING_SECONDS = 1.0
CLOSE_SECONDS = 5.0
"""How long a client may take to answer a close."""
REPLY_SECONDS = 30.0
"""How long a client may take to read an HTTP answer: a page comes slowly over a slow line."""
UNSENT_LOW_WATER = 4096
"""TCP_NOTSENT_LOWAT: without it the kernel swallows a minute of voice for a client that does not read."""
SLICE_BYTES = 4096
"""What is read at once: a flood of the smallest frames holds the loop for few milliseconds."""
FRAMES_PER_TICK = 256
"""Frames of any kind taken from one client in a tick of 100 ms, above every burst that is allowed; the rest waits."""
AHEAD_FRAMES = 3000
"""So far is looked ahead after a standstill: a minute of voice."""
WHOLE_BINARY = 0x82
"""First byte of an unfragmented binary message."""
_NONE: dict[int, int] = {}


class Phase(enum.Enum):
    """What a connection waits for, and so what its deadline means."""

    HANDSHAKE = enum.auto()
    HELLO = enum.auto()
    QUIET = enum.auto()
    PONG = enum.auto()
    CLOSE = enum.auto()


class Connection(asyncio.Protocol):
    """One socket: HTTP first, then a WebSocket with a conversation on it."""

    __slots__ = (
        "_conversation",
        "_edges",
        "_eof",
        "_flooding",
        "_frames",
        "_full",
        "_gateway",
        "_has_request",
        "_head",
        "_held",
        "_newest",
        "_parts",
        "_phase",
        "_pinged",
        "_seam",
        "_size",
        "_text",
        "_tick",
        "_transport",
        "_wire",
        "ip",
        "is_made",
        "outbox",
    )

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._wire: ServerProtocol  # made when a request has come, as it is most of what a silent client would cost
        self._conversation: Conversation | None = None
        self._phase = Phase.HANDSHAKE
        self._head = b""
        """What has come of a request, and of one that has come how it begins."""
        self._has_request = False
        self._seam = b""
        """The last bytes of a head that is read piece by piece: its end may lie across two of them."""
        self._parts: list[bytes] | None = None
        self._size = 0
        self._text = False
        self._pinged = 0.0
        self._eof = False
        self._edges: Edges | None = None
        """Where frames end; None before there may be any."""
        self._held = b""
        self._newest: dict[int, int] = _NONE
        """By ssrc the newest of the voice that is being read after a standstill; empty at all other times."""
        self._flooding = False
        self._full = False
        self._tick = 0
        self._frames = 0
        self.ip = ""
        self.is_made = False
        """Whether it has a transport."""

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)
        self.is_made = True
        self.outbox = Outbox(self._gateway.node.post, write=self._transport.write, check=self._check_backlog)
        self._transport.set_write_buffer_limits(high=VOICE_LIMIT)
        peer = transport.get_extra_info("peername")
        self.ip = str(peer[0]) if peer else ""
        """Of the client, as far as it is known: once its request is read, that of who is behind a trusted proxy."""
        sock = transport.get_extra_info("socket")
        if sock is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_LOW_WATER)
            except OSError:
                pass  # a kernel without it: a slow client hears more of the past
        self._gateway.connections.add(self)
        self._await(Phase.HANDSHAKE, HANDSHAKE_SECONDS)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        conversation = self._conversation
        if conversation is None:
            if not self._has_request:
                self._head += data
                if not is_request(self._head):
                    return
                data = self._take_head()
        elif data[0] == WHOLE_BINARY and not self._held and self._edges is not None and self._edges.at_edge:
            # What a voice frame nearly always is. The library, which reads all the rest, is a longer way; on a node
            # that wakes for one frame at a time every line is paid for with cold caches.
            payload = sole_payload(data, native.BINARY_BYTES, apply_mask)
            if payload is not None and self._wire.current_size is None and self._wire.state is WireState.OPEN:
                self._frames += 1
                conversation.hear_voice(payload)
                if self._frames > FRAMES_PER_TICK and not self._within_budget():
                    self._wait_for_tick()
                return
        if self._eof:
            return  # what it says beyond its answer or its close is read, so that it can read these, and not heard
        if (conversation is None or conversation.state is State.OPENING) and not self._gateway.lets_in(self):
            self._held += data
            self._flooding = True
            self._follow_reading()
            return
        self._look_ahead(data)
        if self._held or len(data) > SLICE_BYTES:
            self._held += data
            self.read_held()
            return
        self._read(data)
        if self._frames > FRAMES_PER_TICK and not self._within_budget():
            self._wait_for_tick()

    def read_held(self) -> None:
        """Read on, within what this tick allows."""
        while self._held and self._within_budget():
            data, self._held = self._held[:SLICE_BYTES], self._held[SLICE_BYTES:]
            self._read(data)
        if self._within_budget():
            self._flooding = False
            self._follow_reading()
        else:
            self._wait_for_tick()

    def _look_ahead(self, data: bytes) -> None:
        """After a standstill see how new the voice is that has waited, so that what is too old goes to nobody."""
        if self._edges is not None and not self._gateway.unlimited and self._gateway.has_stood_still():
            frames = itertools.islice(self._edges.ahead(self._held + data), AHEAD_FRAMES)
            payloads = (sole_payload(frame, native.BINARY_BYTES, apply_mask) for frame in frames)
            self._newest = voice.newest(payload for payload in payloads if payload is not None)
        elif not self._held:
            self._newest = _NONE

    def _within_budget(self) -> bool:
        if self._tick != self._gateway.ticks or self._gateway.unlimited:
            self._tick = self._gateway.ticks
            self._frames = 0
        return self._frames <= FRAMES_PER_TICK

    def _wait_for_tick(self) -> None:
        """This client sends more than anybody may: the others come first, it is read again in the next tick."""
        self._flooding = True
        self._follow_reading()
        self._gateway.hold(self)
        if self._conversation is not None and not self._newest:  # else this node was in the way
            self._conversation.note_flood()

    def _follow_reading(self) -> None:
        if self._transport.is_closing():
            return
        if self._flooding or self._full:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _take_head(self) -> bytes:
        """What has come of a request, for the library to read."""
        head, self._head, self._has_request = self._head, self._head[:16], True
        self._wire = ServerProtocol(
            select_subprotocol=select_subprotocol, max_size=native.TEXT_BYTES, logger=_wire_logger
        )
        return head

    def _read(self, data: bytes) -> None:
        if self._conversation is None:
            end = self._end_of_head(data)
            self._feed(data[:end])
            data = data[end:]
            if self._conversation is None or not data:
                return  # what follows an answer by HTTP is no frame, though the library would read it as one
        self._feed(data)

    def _end_of_head(self, data: bytes) -> int:
        """How much of `data` belongs to the head of the request: all, where that goes on."""
        seam, self._seam = self._seam, (self._seam + data)[1 - len(HEAD_END) :]
        at = (seam + data).find(HEAD_END)
        return len(data) if at < 0 else at + len(HEAD_END) - len(seam)

    def _feed(self, data: bytes) -> None:
        """Let the library read this, and take what it finds."""
        wire = self._wire
        wire.receive_data(data)
        if self._edges is not None:
            self._edges.follow(data)
        events = wire.events_received()
        for event in events:
            if isinstance(event, Frame):
                self._take_frame(event)
            elif isinstance(event, Request) and not self._eof:
                self._take_request(event)
                self._send_wire()
                if self._conversation is not None:
                    self._edges, self._seam = Edges(), b""
        self._frames += len(events)
        if self._conversation is None and wire.handshake_exc is not None and wire.writes == [SEND_EOF]:
            self._transport.write(write_reply(web.no_request(self._head)))
        if wire.writes:
            self._send_wire()

    def eof_received(self) -> None:
        """See asyncio.Protocol; the transport closes itself after it."""
        if not self._has_request:
            self._read(self._take_head())
        self._wire.receive_eof()
        if self._wire.writes:
            self._send_wire()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._gateway.forget(self)
        self._held = b""
        self.outbox.end()
        self._lose()
        self._conversation = None
        if self._has_request:
            untie(self._wire)

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self.outbox.stalled = True

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self.outbox.stalled = False
        if self._conversation is not None:
            self._conversation.go_on()

    # What the conversation calls.

    def close(self, closing: Closing) -> None:
        """Send what is queued, then a close frame; see Link."""
        if self._wire.state is not WireState.OPEN or self._transport.is_closing():
            return
        self.outbox.flush()
        self.outbox.end()
        self._wire.send_close(closing.code, closing.reason)
        self._send_wire()
        self._await(Phase.CLOSE, CLOSE_SECONDS)

    def pause(self) -> None:
        """See Link."""
        self._full = True
        self._follow_reading()

    def resume(self) -> None:
        """See Link."""
        self._full = False
        self._follow_reading()

    # What the gateway calls.

    def drain(self, closing: Closing) -> None:
        """The node ends."""
        if self._conversation is not None:
            self._conversation.cut(closing)
        else:
            self.abort()

    def abort(self) -> None:
        """Cut the connection now, if there is one."""
        if self.is_made:
            self.outbox.end()
            self._transport.abort()

    def expire(self) -> None:
        """The deadline has passed."""
        match self._phase:
            case Phase.HELLO:
                assert self._conversation is not None, "a hello is awaited after the handshake"
                if more := self._conversation.close_if_silent():
                    self._await(Phase.HELLO, more)
                elif self._phase is Phase.HELLO:  # its hello is good, the node is not ready to welcome it
                    self._await(Phase.QUIET, FIRST_PING_SECONDS)
            case Phase.QUIET:
                self._ping()
            case Phase.HANDSHAKE | Phase.PONG | Phase.CLOSE:
                self.abort()

    # The rest is this connection's own.

    def _await(self, phase: Phase, seconds: float) -> None:
        self._phase = phase
        self._gateway.wheel.set(self, self._gateway.node.clock.now() + seconds)

    def _take_request(self, request: Request) -> None:
        headers = request.headers
        proxied = self._gateway.proxies.trusts(self.ip)
        if proxied and (refused := self._gateway.look_behind(self, headers.get_all("X-Forwarded-For"))) is not None:
            self._respond(as_response(refused))
            return
        if is_for_websocket(request):
            if not is_page_allowed(self._gateway, headers, proxied=proxied):
                self._respond(self._wire.reject(403, "This origin is not allowed here."))
                return
            if self._wire.eof_sent:
                self._respond(as_response(web.NO_REQUEST))
                return
            response = self._wire.accept(request)
            self._wire.send_response(response)
            if response.status_code == 101:
                self._gateway.entrance.is_heard(self)
                self._conversation = Conversation(self._gateway.node, self)
                self._await(Phase.HELLO, HELLO_SECONDS)
                headers.clear()  # the library keeps the request; its headers are a sixth of an idle session
            return
        self._respond(as_response(answer(self._gateway, request)))

    def _respond(self, response: Response) -> None:
        if self._wire.eof_sent:  # more came with the request, and was no WebSocket frame: the library is done with it
            self._transport.write(response.serialize())
        else:
            self._wire.send_response(response)

    def _take_frame(self, frame: Frame) -> None:
        opcode = frame.opcode
        if opcode is Opcode.BINARY or opcode is Opcode.TEXT:
            self._text = opcode is Opcode.TEXT
            if frame.fin:
                self._take_message(bytes(frame.data))
            else:
                self._parts, self._size = [bytes(frame.data)], len(frame.data)
                self._check_size(self._size)
        elif opcode is Opcode.CONT and self._parts is not None:
            if frame.data:  # empty ones have no end
                self._parts.append(bytes(frame.data))
                self._size += len(frame.data)
            if self._check_size(self._size) and frame.fin:
                parts, self._parts = self._parts, None
                self._take_message(b"".join(parts))
        elif opcode is Opcode.PONG and self._phase is Phase.PONG:
            if self._conversation is not None:
                self._conversation.measured(self._gateway.node.clock.now() - self._pinged)
            self._await(Phase.QUIET, PING_SECONDS)
        elif opcode is Opcode.CLOSE:
            self.outbox.flush()
            self.outbox.end()
            self._await(Phase.CLOSE, CLOSE_SECONDS)

    def _take_message(self, data: bytes) -> None:
        conversation = self._conversation
        if conversation is None:
            return
        if not self._text:
            if self._newest and voice.is_late(data, self._newest):
                conversation.drop_late()
            elif self._check_size(len(data)):
                conversation.hear_voice(data)
            return
        try:
            data.decode()
        except UnicodeDecodeError:
            self._fail(BROKEN_TEXT)
            return
        conversation.hear_text(data)
        if self._phase is Phase.HELLO and conversation.state in (State.LIVE, State.REPLAYING):
            self._await(Phase.QUIET, FIRST_PING_SECONDS)

    def _check_size(self, size: int) -> bool:
        """Binary messages have a limit of their own; the other one is the library's."""
        if self._text or size <= native.BINARY_BYTES:
            return True
        self._fail(TOO_BIG)
        return False

    def _fail(self, closing: Closing) -> None:
        self._parts = None
        self._wire.fail(closing.code, closing.reason)
        self._send_wire()

    def _check_backlog(self) -> None:
        backlog = self._transport.get_write_buffer_size()
        if backlog > TEXT_LIMIT and self._conversation is not None and not self.outbox.closed:
            self._conversation.cut(TOO_SLOW)

    def _ping(self) -> None:
        if self._wire.state is WireState.OPEN:
            self._pinged = self._gateway.node.clock.now()
            self._wire.send_ping(b"")
            self._send_wire()
            self._await(Phase.PONG, PING_SECONDS)

    def _send_wire(self) -> None:
        """Write what the protocol itself has to say: handshakes, pongs, pings, closes."""
        writes = self._wire.data_to_send()
        ends = SEND_EOF in writes
        if self._eof or self._transport.is_closing() or (self._phase is Phase.CLOSE and not ends):
            return  # after a close nobody waits for a pong
        if data := b"".join(writes):
            if self._wire.state is not WireState.OPEN:  # a close comes last, a pong at once
                self.outbox.flush()
            self._transport.write(data)
            if self.outbox.stalled:
                self._check_backlog()
        if ends:
            # Only half of the connection ends, so that a client that still sends can read why.
            self._eof = True
            self.outbox.flush()
            self.outbox.end()
            self._transport.write_eof()
            self._await(Phase.CLOSE, REPLY_SECONDS if self._conversation is None else CLOSE_SECONDS)
            self._lose()

    def _lose(self) -> None:
        """Nothing more is heard from this client."""
        if self._conversation is not None:
            received = self._wire.close_rcvd
            clean = received is not None and received.code == CloseCode.NORMAL_CLOSURE
            self._conversation.lost("left" if clean else "lost")
