"""One function for each decoder of foreign bytes: it fails when the decoder does what it must never do.

Each takes bytes, and comes with some that are well formed, as a beginning.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import functools
import hashlib
import hmac
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from bus import casts, packets
from bus.interface import BusError
from bus.record import Kind, Record
from server import (
    acts,
    asides,
    backfill,
    chain,
    departure,
    flow,
    hearsay,
    keyring,
    links,
    orders,
    refusals,
    roundtrips,
    rulings,
    speech,
    texts,
)
from server import session as sessions
from server.addresses import host_port, listening_host, network_of, origin_form, websocket_url
from server.bans import Ban
from server.cards import Card
from server.config import ConfigError
from server.conversation import Conversation
from server.decoding import fields
from server.flow import FIELDS
from server.identity import TokenError, Tokens
from server.options import read_config
from server.plaintext import plain
from server.proxies import Proxies, scheme
from server.query import QUERY_CHARS, QueryError, parse
from server.query_completion import complete
from server.resumption import Resumption
from server.rulings import Ruling
from server.session import Actor, Role, Seat, SessionRecord
from server.web import Site
from server.wire import names, native, reading, voice
from server.wire.moderation import Outcome
from server.wire.names import FieldError
from tests.fuzz.drawn import talk
from tests.fuzz.ground import KEY, NODE, PEER, Ground, Line, without_faults
from tests.guest import frame, masked, upgrade

ME = f"{NODE}.1"
SECRET = b"s" * 32
FRESH = 300
"""Inputs after which a node is made anew, so that what an input does depends on few before it."""


@dataclasses.dataclass(frozen=True)
class Target:
    """A decoder under test."""

    name: str
    take: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


TARGETS: dict[str, Target] = {}


def target(*seeds: bytes) -> Callable[[Callable[[bytes], None]], Callable[[bytes], None]]:
    """Put a function among the targets, with where to begin."""

    def put(take: Callable[[bytes], None]) -> Callable[[bytes], None]:
        TARGETS[take.__name__] = Target(take.__name__, take, seeds)
        return take

    return put


class _Grounds:
    """A node for a while, then another one."""

    def __init__(self) -> None:
        self._ground: Ground | None = None
        self._left = 0

    def take(self) -> Ground:
        if self._ground is None or not self._left:
            self._ground, self._left = Ground(), FRESH
        self._left -= 1
        return self._ground


# What clients send


REQUESTS = tuple(
    json.dumps(request).encode()
    for request in (
        {"type": "hello", "id": 1, "name": "Ann", "user": "ann", "client": "web/1.0", "n": 7},
        {"type": "hello", "resume": "x.y.z", "cursors": {f"{NODE}.1": 4}, "rooms": ["lobby"], "token": "x"},
        {"type": "join", "id": "a", "room": "lobby", "password": None},
        {"type": "say", "id": "c-17", "room": "lobby", "text": "hi é \u202e"},
        {"type": "whisper", "id": 1, "to": {"session": "s_1"}, "text": "psst"},
        {"type": "report", "id": 3, "user": "bob", "room": "lobby", "text": "t", "origin": "a.1", "seq": 7},
        {"type": "report_take", "report": "r_1", "over": True},
        {"type": "report_close", "report": "r_1", "note": "n"},
        {"type": "report_reopen", "report": "r_1"},
        {"type": "report_read", "report": "r_1"},
        {"type": "list", "what": "reports", "after": "4", "limit": 2},
        {"type": "kick", "session": "s_1", "room": "lobby", "reason": "r", "grace_seconds": 0.0},
        {"type": "kick", "id": 3, "users": ["ann", "bob"], "grace_seconds": 5, "block_seconds": 60},
        {"type": "unkick", "session": "s_1"},
        {"type": "move", "sessions": ["s_1"], "room": "lobby", "to": "second"},
        {"type": "mute", "user": "ann", "seconds": 1.5},
        {"type": "list", "what": "sessions", "limit": 5, "after": "x"},
        {"type": "voice_target", "target": 1, "to": {"user": "bob"}},
        {"type": "deafen", "on": True},
        {"type": "announce", "id": 2, "text": "all"},
        {"type": "leave", "room": "lobby"},
        {"type": "ban", "ip": "192.0.2.0/24", "room": "lobby", "seconds": 5, "reason": "r"},
        {"type": "unban", "ban": "b_1"},
        {"type": "bans", "limit": 5, "after": "b_1"},
    )
)


@target(*REQUESTS, b'{"type":"say","id":1,"room":"\\ud800","text":"\\u0000"}', b"[" * 100)
def client_json(data: bytes) -> None:
    """A request is read, or refused with one plain sentence."""
    try:
        request = reading.decode(data)
    except reading.BrokenRequest as broken:
        sentence = broken.refusal.message
        assert sentence.isprintable()
        assert len(sentence) < 200
        msgspec.json.encode(native.Error(id=native.given(broken.id), code=broken.refusal.code, message="x"))
        return
    for check, field in (
        (names.room_name, "room"),
        (names.chat_text, "text"),
        (names.person_name, "name"),
        (names.user_name, "user"),
    ):
        value = getattr(request, field, None)
        if isinstance(value, str):
            with contextlib.suppress(FieldError):
                kept = check(value)
                assert check(kept) == kept
                kept.encode()


_conversations = _Grounds()


@target(
    b"\n".join([REQUESTS[0], *REQUESTS[2:]]),
    b"\n".join([REQUESTS[0], REQUESTS[2], REQUESTS[3], REQUESTS[3], b"!" + frame(2), b"!" + frame(2, target=1)]),
    b"\n".join(REQUESTS),
)
def conversation(data: bytes) -> None:
    """A client may say anything, line by line; binary messages begin with an exclamation mark."""
    ground = _conversations.take()
    client = Conversation(ground.node, Line(ground.node))
    with without_faults():
        for line in data.split(b"\n")[:40]:
            try:
                line.decode()
            except UnicodeDecodeError:
                line = b"!" + line  # the connection lets no such text through
            (client.hear_voice if line[:1] == b"!" else client.hear_text)(line[1:] if line[:1] == b"!" else line)
            ground.pass_time(0.05)
        client.lost("left")
        ground.pass_time(1.0)
    assert client.outbox.closed or len(client.outbox.frames) < 1000


@target(frame(7), frame(7, target=3, flags=3), frame(1, packet=b"o" * 400), b"")
def voice_header(data: bytes) -> None:
    """A voice frame is taken whole or not at all."""
    ssrc = voice.check(data)
    whispered, number = voice.check_whispered(data)
    if ssrc >= 0:
        assert voice.SHORTEST <= len(data) <= voice.LONGEST
        assert data[0] == voice.KIND
        assert (whispered, number) == (ssrc, 0)
        assert voice.as_whispered(data)[2:] == data[2:]
    if whispered >= 0:
        assert number >= 0
        assert len(data) <= voice.LONGEST
    voice.is_late(data, voice.newest([data, data[:17], data[3:]]))
    shown = fields(data)
    assert all(field.offset + field.length <= len(data) for field in shown)


class _Heard:
    """A conversation that only listens."""

    def __init__(self) -> None:
        self.messages: list[tuple[bool, bytes]] = []
        self.state = None
        self._over = False

    def hear_text(self, data: bytes) -> None:
        if not self._over:
            self.messages.append((True, data))

    def hear_voice(self, data: bytes) -> None:
        if not self._over:
            self.messages.append((False, data))

    def lost(self, reason: str) -> None:
        self._over = True

    def __getattr__(self, name: str) -> Callable[..., float]:
        return lambda *_: 0.0


def _pieces(data: bytes) -> Iterator[bytes]:
    """The stream of a client from what a fuzzer makes up: pieces of frames, most of them of the right form."""
    at = 0
    while at < len(data):
        head, at = data[at], at + 1
        if head < 0x20:
            yield data[at : at + head]
            at += head
            continue
        size = data[at] if at < len(data) else 0
        size = size * 600 if head & 0x40 else size
        payload = (data[at + 1 : at + 1 + min(size, 64)] or b"x").ljust(min(size, 66_000), b"y")[:size]
        yield masked(head & 0x0F, payload, fin=not head & 0x10)
        at += 1 + min(size, 64)


_sockets = _Grounds()


@target(
    b"\x01\x21\x05hello\x22\x05voice",
    b"\x07\x31\x03abc\x30\x02de\x20\x01f\x29\x04ping\x22\x10" + b"v" * 16,
    b"\x03\x28\x02\x03\xe8",
    b"\x02\x32\x02ab\x61\x03",
    b"\x11" + b"\x10" + bytes(masked(2, b"voice12345")[:16]),
)
def websocket(data: bytes) -> None:
    """However a stream is cut, the same is heard as by the library alone, and nothing is heard after a fault."""
    if not data:
        return
    ground = _sockets.take()
    connection, pipe = ground.connect()
    step, stream = data[0] or 1, b"".join(_pieces(data[1:4000]))[:300_000]
    ours = _Heard()
    with without_faults():
        connection.data_received(upgrade("127.0.0.1:1"))
        connection._conversation = ours  # type: ignore[assignment]  # it has all that is asked of one here
        step = step if len(stream) < 4000 else step * 300
        for at in range(0, len(stream), step):
            if pipe.is_closing():
                break
            connection.data_received(stream[at : at + step])
        pipe.end()
    assert ours.messages == _reference(stream)


def _reference(stream: bytes) -> list[tuple[bool, bytes]]:
    """What is said in a stream, by the library and the limits of protocol.md section 2."""
    wire = ServerProtocol(max_size=native.TEXT_BYTES)
    wire.receive_data(upgrade("127.0.0.1:1"))
    (request,) = wire.events_received()
    assert isinstance(request, Request)
    wire.send_response(wire.accept(request))
    wire.receive_data(stream)
    heard: list[tuple[bool, bytes]] = []
    parts: list[bytes] | None = None
    is_text = False
    for event in wire.events_received():
        assert isinstance(event, Frame)
        if event.opcode is Opcode.CLOSE:
            break
        if event.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            continue
        if event.opcode is not Opcode.CONT:
            is_text, parts = event.opcode is Opcode.TEXT, []
        assert parts is not None
        parts.append(bytes(event.data))
        whole = b"".join(parts)
        if not is_text and len(whole) > native.BINARY_BYTES:
            break
        if event.fin:
            if is_text:
                try:
                    whole.decode()
                except UnicodeDecodeError:
                    break
            heard.append((is_text, whole))
    return heard


_requests = _Grounds()
PING = b"\x89\x81\0\0\0\0x"


@target(
    b"\x40" + upgrade("127.0.0.1:1"),
    b"\x01" + upgrade("a", Origin="http://b", Sec_WebSocket_Protocol="switchboard.v1"),
    b"\x20GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\x20HEAD /%2e%2e/etc HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    b"\x20POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"\x20ETGET trics HTTP/1.1\r\nHost: a\r\n\r\n" + bytes.fromhex("8181818181818189810181818181818101545068"),
    *(bytes((size,)) + b"POST / HTTP/1.0\r\nHost: abcde\r\n\r\n" + PING * 3 for size in (29, 30, 31)),
)
def http(data: bytes) -> None:
    """What comes before a WebSocket is answered by HTTP or not at all, and no file is found by another path."""
    if not data:
        return
    ground = _requests.take()
    ground.gateway.site = Site({"/": ("text/html", b"<the page>")})
    connection, pipe = ground.connect()
    with without_faults():
        for at in range(1, min(len(data), 20_000), data[0] or 1):
            if pipe.is_closing():
                break
            connection.data_received(data[at : at + (data[0] or 1)])
        if connection._conversation is None and not pipe.is_closing():
            connection.eof_received()
        pipe.end()
        ground.pass_time(0.01)
    assert pipe.written[:9] in (b"", b"HTTP/1.1 ")
    if b"<the page>" in pipe.written:
        assert data[1:].startswith((b"GET / ", b"GET /? ", b"GET /?"))


# What peers send


def _record(kind: Kind = Kind.TEXT, payload: bytes = b"hi", seq: int = 1, session: str = "s") -> Record:
    return Record(1, kind, PEER, seq, 5, "lobby", session, "c-1", payload)


SESSION = SessionRecord(
    session="s",
    user="ann",
    name="Ann",
    role=Role.USER,
    node=PEER[:16],
    node_name="n2",
    n=1,
    connected=1,
    client="web",
    ip="192.0.2.1",
    seats=(Seat("lobby", 7, 1, 1),),
)
RULING = Ruling(
    key="ban/b_1",
    number=1,
    origin=PEER,
    value=msgspec.msgpack.encode(Ban(ip="192.0.2.0/24")),
    by=Actor("s", "mod", "Mod", Role.MODERATOR),
    reason="r",
    at=1,
    until=2,
    seconds=1.5,
    node="n2",
)
LINE = chain.Pen(PEER, "n2").write(
    chain.Asked(
        act="a", by=Actor("s", "mod", "Mod", Role.MODERATOR), action="kick", target="bob", room="lobby", until=5
    ),
    at=1,
)
CARD = msgspec.msgpack.encode(Card("n2", "ws://h:1/ws", "h:2", 1, 2, 3, 0.1, 4, 1.0, 2.0))
PACKETS: tuple[packets.Packet, ...] = (
    packets.Digest(PEER, "there", ("there",), {PEER: (0, 1)}, [ME], {PEER: "there"}, CARD),
    packets.Records(PEER, [_record(Kind.SESSION, sessions.pack(SESSION)), _record(seq=2)]),
    packets.Records(PEER, [_record(payload=texts.pack(texts.Text(1, "ann", "Ann", "hi")))]),
    packets.Records(PEER, [Record(1, Kind.RULING, PEER, 1, 5, "", "", RULING.key, rulings.pack(RULING))]),
    packets.Records(PEER, [_record(Kind.AUDIT, LINE)]),
    packets.Call(PEER, 3, backfill.CALL + msgspec.msgpack.encode(backfill.AskLines(PEER, 1))),
    packets.Call(PEER, 2, orders.CALL + rulings.pack(RULING)),
    packets.Ack(PEER, ME, 1),
    packets.Ask(PEER, ME, 0),
    packets.Fill(PEER, PEER, 0, 5, 2, 9, [_record(seq=4)]),
    packets.Ping(PEER, 1.5),
    packets.Pong(PEER, 1.5),
    packets.Call(PEER, 1, b"drain"),
    packets.Answer(PEER, 1, True, b""),
    packets.Bye(PEER),
    packets.Outlived(PEER, ME),
)


@target(*map(packets.encode, PACKETS))
def packet(data: bytes) -> None:
    """Bytes are a packet within its limits, or nothing."""
    found = packets.decode(data)
    if found is not None:
        assert packets.decode(packets.encode(found)) == found


def _framed(*messages: bytes) -> bytes:
    return b"".join(len(message).to_bytes(2, "big") + message for message in messages)


def _messages(data: bytes) -> Iterator[bytes]:
    at = 0
    while at + 2 <= len(data):
        size = int.from_bytes(data[at : at + 2], "big")
        yield data[at + 2 : at + 2 + size]
        at += 2 + size


_meshes = _Grounds()


@target(_framed(*map(packets.encode, PACKETS)), _framed(packets.encode(PACKETS[0]), packets.encode(PACKETS[1])))
def mesh(data: bytes) -> None:
    """Whatever packets a peer makes up, a node takes them, and its clients go on."""
    ground = _meshes.take()
    with without_faults():
        for number, message in enumerate(_messages(data)):
            found = packets.decode(message)
            if found is not None:
                ground.receive(found)
            ground.pass_time(0.13)
            if number > 50:
                break
        ground.pass_time(2.0)
    if ground.node.fenced:
        _meshes.__init__()  # type: ignore[misc]  # it was told that it is copied, which a peer may say


_gossips = _Grounds()
TOLD = (b"", b"hi", CARD, sessions.pack(SESSION), texts.pack(texts.Text(1, "ann", "Ann", "hi")))


@target(bytes(range(40)), bytes(range(255, 0, -7)), b"\x00\x00\x01\x01\x00\x01" * 20)
def gossip(data: bytes) -> None:
    """Whatever somebody with the key says in packets of the right form, a node takes it, and its clients go on."""
    ground = _gossips.take()
    with without_faults():
        for said, seconds in talk(data, TOLD):
            assert packets.decode(packets.encode(said)) == said
            ground.receive(said)
            ground.pass_time(seconds)
        ground.pass_time(2.0)
    if ground.node.fenced:
        _gossips.__init__()  # type: ignore[misc]  # it was told that it is copied, which a peer may say


@target(next(casts.pack(b"k" * 8, b"s" * 8, 5, [frame(7), b""])), b"\0" * 20)
def cast(data: bytes) -> None:
    """A message of casts is its frames, all of them, or nothing."""
    found = casts.unpack(data)
    if found is not None:
        key, sender, stamp, frames = found
        assert b"".join(casts.pack(key, sender, stamp, frames)) == data or len(data) > casts.BATCH_BYTES
        casts.Ages().age(sender, stamp, 7)


_told = _Grounds()
MODERATOR = Actor("s_2", "mod", "Mod", Role.MODERATOR)
ACTS: tuple[acts.AnyAct, ...] = (
    acts.Kick(by=MODERATOR, id="x", sessions=("s_1",), room=None, reason="r", grace=5, block=60),
    acts.Unkick(by=MODERATOR, id="y", sessions=("s_1",), room=None),
    acts.Mute(by=MODERATOR, id="z", sessions=("s_1", "s_2"), room="lobby", seconds=5),
    acts.Move(by=MODERATOR, id="w", sessions=("s_1",), room="lobby", to="second"),
)
SAID_OF_ACTS = (
    acts.Deed("kick", MODERATOR, "ann", "Ann", "r", 5, 1, "x", "n2"),
    acts.Verdict("x", (Outcome(session="s_1", node="n2", outcome="done", ms=1),)),
)
CALLS = (keyring.CALL, flow.CALL, departure.CALL, hearsay.CALL, orders.CALL, backfill.CALL, b"")


@target(
    b"\x00" + msgspec.msgpack.encode({"s": 1.5}),
    b"\x01" + CARD,
    b"\x02" + sessions.pack(SESSION),
    b"\x03" + msgspec.msgpack.encode({"s": 3}),
    *(bytes((number,)) + msgspec.msgpack.encode([["lobby", 7, 1.5, "x"]]) for number in range(4, 12)),
    *(bytes((3 * CALLS.index(b"") + 2,)) + acts.pack_act(act) for act in ACTS),
    *(bytes((3 * tuple(Kind).index(Kind.MODERATION) + 1,)) + acts.pack(said) for said in SAID_OF_ACTS),
)
def told(data: bytes) -> None:
    """What peers cast, call and write in records is taken, or is not readable: nothing else."""
    ground = _told.take()
    number, body = (data[0], data[1:]) if data else (0, b"")
    node = ground.node
    topics = (roundtrips.TOPIC, refusals.TOPIC, links.TOPIC, speech.TOPIC, asides.topic_of(NODE), "voice/lobby")
    with without_faults():
        if number % 3 == 0:
            node.on_cast(topics[number // 3 % len(topics)], [body])
        elif number % 3 == 1:
            kinds = tuple(Kind)
            record = _record(kinds[number // 3 % len(kinds)], body[:50_000], seq=number + 1)
            node.on_record(record, 2)
        else:
            _call(ground, CALLS[number // 3 % len(CALLS)] + body)
        ground.pass_time(0.2)


def _call(ground: Ground, body: bytes) -> None:
    try:
        answer = ground.node.on_call(PEER[:16], body)
        if isinstance(answer, bytes):
            assert len(answer) <= packets.CALL_BYTES
        elif hasattr(answer, "close"):
            answer.close()
    except BusError:
        pass


READERS: tuple[Callable[[bytes], object], ...] = (
    sessions.unpack,
    texts.unpack,
    lambda body: roundtrips.RoundTrips().merge(body, now=1.0),
    lambda body: refusals.Refusals().merge(body, now=1.0),
    lambda body: links.Links(NODE).merge(body, 1.0),
    flow.unpack_batch,
    flow.unpack_answer,
    lambda body: acts.unpack(_record(Kind.MODERATION, body)),
    rulings.unpack,
    chain.unpack,
)


@target(
    *(bytes((n,)) + sessions.pack(SESSION) for n in range(len(READERS))),
    b"\x01" + texts.pack(texts.Text(1, "a", "b", "c")),
    b"\x09" + LINE,
)
def records(data: bytes) -> None:
    """The payload of a record is read, or is not readable; a session that is read goes through bytes and back."""
    number, body = (data[0], data[1:]) if data else (0, b"")
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
        found = READERS[number % len(READERS)](body)
        if isinstance(found, SessionRecord):
            assert sessions.unpack(sessions.pack(found)) == found


# Tokens, options, filters


def _signed(head: bytes, claims: bytes, secret: bytes) -> str:
    """A token of any content with a good signature."""

    def part(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    body = part(head) + b"." + part(claims)
    return (body + b"." + part(hmac.digest(secret, body, hashlib.sha256))).decode()


@functools.cache
def _resumption() -> Resumption:
    return Resumption([SECRET])


def _claims(**more: object) -> bytes:
    return json.dumps({"exp": 4_000_000_000, "name": "Ann", "role": "user", **more}).encode()


@target(
    b"\x00" + b'{"alg":"HS256","typ":"JWT"}\n' + _claims(sub="ann", aud="switchboard", iss="switchboard"),
    b"\x00" + b'{"alg":"none","kid":"../../etc/passwd"}\n' + _claims(sub=1, nbf="x"),
    b"\x01" + b'{"alg":"HS256","typ":"resume","kid":"KID"}\n' + _claims(session="s", user="ann"),
    b"\x02eyJ.eyJ.x",
)
def token(data: bytes) -> None:
    """A token is good or refused, whatever it says and however it is signed."""
    kind, rest = (data[0], data[1:]) if data else (0, b"")
    resumption = _resumption()
    secret = KEY.material if kind % 3 == 0 else SECRET
    assert isinstance(secret, bytes)
    head, _, claims = rest.partition(b"\n")
    head = head.replace(b"KID", resumption._signer.encode())
    text = _signed(head, claims, secret) if kind % 3 < 2 else rest.decode(errors="replace")
    with contextlib.suppress(TokenError):
        said = Tokens(KEY).verify(text)
        assert names.user_name(said.user) == said.user
        assert kind % 3 == 0
    with contextlib.suppress(TokenError):
        bearer = resumption.read(text)
        assert names.user_name(bearer.user) == bearer.user
        assert kind % 3 == 1


_folder = functools.cache(lambda: tempfile.TemporaryDirectory(prefix="fuzz-"))


@target(
    b'port = 8765\nname = "n1"\npeer = ["127.0.0.1:1"]\norigin = "*"\ndrain-seconds = 1.5\n',
    b'data-dir = "/x"\nauth = "token"\npublic-url = "wss://a.example/ws"\nhost = "[::1]"\n',
)
def toml(data: bytes) -> None:
    """A file of options is read, or one sentence says what is wrong with it."""
    file = Path(_folder().name) / "config.toml"
    file.write_bytes(data)
    try:
        read_config("node", [f"--config={file}"], {})
    except ConfigError as error:
        sentence = str(error)
        assert sentence
        assert plain(sentence).isprintable()


ROWS: tuple[dict[str, Any], ...] = ({}, {"room": "lobby", "size": 5, "user": "ann", "is": {"voice"}, "at": 1.0})


@target(
    b"room:lobby user:~an+~ not (size:>5kb or is:voice)",
    b'"a b" x,y node:n1',
    b"latency:>5ms..9s kind:text",
    b'room:-~l~\x9enb\x9do,a\x93:o/*~l~\x9e,a\x93vinnb",l\x9d"',
    b"not " * 19 + b"(a or b latency>5h)",
)
def filters(data: bytes) -> None:
    """A filter is read or refused with its place; read again from its plainest form it is the same."""
    text = data.decode(errors="replace")
    complete(text, len(text), FIELDS, lambda field: ["a"])
    try:
        query = parse(text, FIELDS)
    except QueryError as error:
        position = error.position
        assert 0 <= position <= len(text)
        return
    printed = str(query)
    assert len(printed) > QUERY_CHARS or parse(printed, FIELDS) == query
    for row in ROWS:
        query.matches(row)


@target(
    b"198.51.100.1, 10.1.2.3|::ffff:10.0.0.1, fd00::2",
    b"127.0.0.1:80",
    b"[fe80::1%eth0]:1",
    b"https://a.example",
    b"wss://a.example:1/ws",
)
def addresses(data: bytes) -> None:
    """What may be an address is one, or is refused by a ValueError."""
    text = data.decode(errors="replace")
    for read in (host_port, listening_host, origin_form, websocket_url):
        with contextlib.suppress(ValueError):
            read(text)
    network_of(text)
    client = Proxies(("10.0.0.0/8", "fd00::/8")).client("10.0.0.1", text.split("|"))
    assert client == "10.0.0.1" or network_of(client) is not None
    scheme(text.split("|"))
