"""A port that speaks TLS: what it serves, what it refuses, and certificates that come and go while people talk."""

from __future__ import annotations

import asyncio
import datetime
import gc
import logging
import shutil
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server import selfsigned
from server.certificates import make_self_signed
from server.config import CertificateRequest, StartError
from server.connection import Connection
from server.conversation import Conversation
from server.door import Door
from server.encrypted import Encrypted
from server.gateway import Gateway
from server.tls import DAY_MS, Tls
from server.web import Site
from tests.guest import PATIENCE, Guest, fetch, frame, masked, upgrade, wire
from tests.nodes import Served, Serving, living
from tests.server import test_hostile as hostile

pair, eve = hostile.pair, hostile.eve

OF_PLAIN_SOCKETS = {
    "test_a_half_close_is_a_loss",  # clients of asyncio end both halves of TLS at once
    "test_a_handshake_that_is_broken_off_leaves_nothing",
    "test_garbage_is_refused_and_the_connection_ended",  # in plain text, see below
}
globals().update(
    {name: test for name, test in vars(hostile).items() if name.startswith("test_") and name not in OF_PLAIN_SOCKETS}
)
"""Behind TLS everything is as it is without."""


def made(folder: Path, *hosts: str, days: int = 365) -> tuple[Path, Path]:
    """A certificate and its key in a folder."""
    selfsigned.make(CertificateRequest(hosts=hosts or ("127.0.0.1",), days=days, out=folder, force=True))
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return made(tmp_path / "tls")


@pytest.fixture
async def serve(tmp_path: Path, files: tuple[Path, Path]) -> AsyncIterator[Serving]:
    """Starts nodes that speak TLS."""
    serving = Serving(tmp_path, tls_cert=files[0], tls_key=files[1])
    yield serving
    await serving.close()


def trusting(certificate: Path) -> ssl.SSLContext:
    """A client that trusts this certificate and no other."""
    return ssl.create_default_context(cafile=str(certificate))


def shown(guest: Guest) -> bytes:
    """The certificate that a client was shown."""
    found = guest.socket.transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
    assert isinstance(found, bytes)
    return found


async def hear_each_other(ann: Guest, bob: Guest) -> None:
    """Text and voice go both ways."""
    for one, other in ((ann, bob), (bob, ann)):
        sent = await one.say("hello")
        assert (await other.next("message", id=sent["id"]))["text"] == "hello"
    ssrcs = [(await guest.join("talk"))["ssrc"] for guest in (ann, bob)]
    for one, other, ssrc in ((ann, bob, ssrcs[0]), (bob, ann, ssrcs[1])):
        await one.send_raw(frame(ssrc, packet=b"voice"))
        assert (await other.voice()).endswith(b"voice")


async def test_people_who_trust_the_certificate_hear_each_other(served: Served, files: tuple[Path, Path]) -> None:
    ann, bob = [await served.connect(tls=trusting(files[0])) for _ in range(2)]
    for guest in (ann, bob):
        assert (await guest.ask("hello"))["type"] == "welcome"
        await guest.join()
    await hear_each_other(ann, bob)


async def test_who_does_not_trust_it_stays_away(served: Served, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await served.connect(tls=trusting(made(tmp_path / "other")[0]))


async def test_who_came_for_another_host_stays_away(serve: Serving, files: tuple[Path, Path]) -> None:
    made(files[0].parent, "voice.example")
    served = await serve()
    with pytest.raises(ssl.SSLCertVerificationError):
        await served.connect(tls=trusting(files[0]))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_12_and_13_are_spoken(served: Served, files: tuple[Path, Path], version: ssl.TLSVersion) -> None:
    client = trusting(files[0])
    client.minimum_version = client.maximum_version = version
    guest = await served.connect(tls=client)
    assert (await guest.ask("hello"))["type"] == "welcome"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_nothing_older_is(served: Served, files: tuple[Path, Path], version: ssl.TLSVersion) -> None:
    client = trusting(files[0])
    client.set_ciphers("ALL:@SECLEVEL=0")
    client.minimum_version = client.maximum_version = version
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await served.connect(tls=client)


@pytest.mark.parametrize("ciphers", ["aNULL", "eNULL", "RC4", "3DES", "AES128-SHA", "PSK"])
async def test_no_cipher_is_taken_that_is_known_to_be_weak(served: Served, ciphers: str) -> None:
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        client.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    except ssl.SSLError:
        return  # this OpenSSL does not even know it
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await served.connect(tls=client)


async def test_http_without_tls_is_told_where_to_go(served: Served) -> None:
    answer = await fetch(served.url.replace("wss", "ws"), "/")
    assert (answer.status, answer.headers["connection"]) == (400, "close")
    assert b"https://" in answer.body
    assert served.node.counters.received == 0


@pytest.mark.parametrize(
    "garbage", [b"\0" * 64, b"SSH-2.0-x\r\n", b"\x16\x03\x01\x00\x05hello", b"\x16", b"\x80\x2e\x01"]
)
async def test_what_is_no_tls_is_cut_and_disturbs_nobody(
    served: Served, pair: tuple[Guest, Guest], garbage: bytes
) -> None:
    async with wire(served.url.replace("wss", "ws")) as raw:
        await raw.send(garbage)
        raw.writer.write_eof()
        await raw.rest()
    assert len(served.gateway.connections) == 2


async def test_a_record_that_was_tampered_with_ends_the_connection(served: Served, pair: tuple[Guest, Guest]) -> None:
    outgoing, incoming = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    session = client.wrap_bio(incoming, outgoing)
    async with wire(served.url.replace("wss", "ws")) as raw:
        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                await raw.send(outgoing.read())
                incoming.write(await raw.reader.read(65_536))
        session.write(upgrade("x"))
        record = bytearray(outgoing.read())
        record[-1] ^= 1
        await raw.send(bytes(record))
        await raw.rest()
    assert len(served.gateway.connections) == 2


async def test_a_handshake_that_does_not_come_to_its_end_is_cut_after_ten_seconds(served: Served) -> None:
    async with wire(served.url.replace("wss", "ws")) as raw:
        await raw.send(b"\x16\x03\x01\x02\x00\x01")
        await fetch(served.node.http, "/healthz")  # by then the other one was accepted
        served.advance(11)
        assert await raw.rest() == b""


async def test_of_many_handshakes_at_once_a_turn_takes_no_more_than_it_has_time_for(
    served: Served, pair: tuple[Guest, Guest], monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[int] = []
    again = Gateway._next_turn

    def counted(gateway: Gateway) -> None:
        turns.append(len(gateway.connections))
        again(gateway)

    monkeypatch.setattr(Gateway, "_next_turn", counted)
    served.gateway._door = Door(0.0)
    guests = await asyncio.gather(*(served.connect() for _ in range(20)))
    assert [(await guest.ask("hello"))["type"] for guest in guests] == ["welcome"] * 20
    assert len(turns) >= 20


async def test_a_page_of_many_records_comes_whole_and_its_end_is_no_accident(serve: Serving) -> None:
    page = bytes(range(256)) * 4000
    served = await serve(site=Site({"/": ("text/html", page)}))
    assert (await fetch(served.node.http, "/")).body == page


async def test_what_comes_faster_than_it_is_read_comes_whole(served: Served, pair: tuple[Guest, Guest]) -> None:
    async with wire(served.url) as raw:
        await raw.say_hello(name="Eve")
        await raw.send(b"".join(masked(raw.PING, b"%d" % number) for number in range(1500)))
        number = 0
        while number < 1500:
            opcode, payload = await raw.read_frame()
            if opcode == raw.PONG:
                assert payload == b"%d" % number
                number += 1
            served.advance(0.0)


async def test_a_message_longer_than_a_record_comes_whole(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    text = "😀" * 4000
    await ann.send_raw('{"type":"say","id":1,"room":"lobby","text":"' + text + '","more":"' + "x" * 40_000 + '"}')
    assert (await bob.next("message"))["text"] == text


async def test_a_connection_that_ends_needs_no_collector(served: Served) -> None:
    alive = living(Connection, Conversation, Encrypted)
    gc.disable()
    try:
        one, other = [await Guest.enter(served.url, name=name) for name in ("Ann", "Ben")]
        await one.join()
        assert len(alive()) == 6
        await one.leave_for_good()
        other.vanish()
        await fetch(served.node.http, "/healthz")
        await fetch(served.node.http.replace("https", "http"), "/healthz")
        async with wire(served.url.replace("wss", "ws")) as raw:
            await raw.send(b"\x16\x03\x01\x00\x05hello")
            await raw.rest()
        await served.gateway._empty(PATIENCE)
        assert alive() == []
    finally:
        gc.enable()


async def test_a_page_of_the_node_is_one_over_https(served: Served) -> None:
    async with wire(served.url) as raw:
        await raw.send(upgrade(raw.host, Origin=f"https://{raw.host}"))
        assert (await raw.head()).startswith(b"HTTP/1.1 101 ")
    for origin in ("http://{}", "https://evil.example", "https://{}.evil.example", "https://x{}"):
        async with wire(served.url) as raw:
            await raw.send(upgrade(raw.host, Origin=origin.format(raw.host)))
            assert (await raw.head()).startswith(b"HTTP/1.1 403 ")


# Another certificate


async def test_new_connections_get_the_new_certificate_and_nobody_is_dropped(
    served: Served, files: tuple[Path, Path], pair: tuple[Guest, Guest]
) -> None:
    before = shown(pair[0])
    old = served.node.exposure.certificate
    made(files[0].parent, "127.0.0.1")
    served.gateway.reload()
    late = await served.connect(tls=trusting(files[0]))
    assert shown(late) != before
    assert served.node.exposure.certificate not in (None, old)
    await hear_each_other(*pair)


@pytest.mark.parametrize("what", ["no certificate", "no key", "another key", "a key for all", "nothing"])
async def test_a_new_pair_that_cannot_be_used_leaves_the_old_one_and_says_so(
    served: Served, files: tuple[Path, Path], tmp_path: Path, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    kept = trusting(files[0])
    match what:
        case "no certificate":
            files[0].write_text("nonsense")
        case "no key":
            files[1].write_text("nonsense")
        case "another key":
            shutil.copy(made(tmp_path / "other")[1], files[1])
        case "a key for all":
            files[1].chmod(0o644)
        case _:
            files[1].unlink()
    caplog.clear()
    served.gateway.reload()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "cannot be used" in caplog.text
    assert served.node.exposure.refused
    guest = await served.connect(tls=kept)
    assert (await guest.ask("hello"))["type"] == "welcome"
    made(files[0].parent)
    served.gateway.reload()
    assert served.node.exposure.refused == ""


async def test_metrics_tell_when_it_expires(served: Served) -> None:
    body = (await fetch(served.node.http, "/metrics")).body.decode()
    [line] = [line for line in body.splitlines() if line.startswith("switchboard_tls_certificate_expiry_seconds ")]
    assert 364 * 86_400 < float(line.split()[1]) <= 365 * 86_400


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (15 * DAY_MS, None),
        (14 * DAY_MS, "expires in 14 days"),
        (DAY_MS, "expires in a day"),
        (1, "in less than a day"),
        (0, "has expired"),
        (-DAY_MS, "has expired"),
    ],
)
def test_a_certificate_that_ends_soon_is_warned_of_once_a_day(
    files: tuple[Path, Path], left: int, said: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    tls = Tls(*files)
    now = tls.certificate.expires - left
    for minutes in range(0, 1430, 10):
        tls.look(now + minutes * 60_000 if left > DAY_MS or left <= 0 else now)
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) == (0 if said is None else 1) or left == 15 * DAY_MS
    if said is not None:
        assert said in told[0]
        assert "SIGHUP" in told[0]


# Files that are refused at the start


def test_a_key_that_everybody_can_read_is_refused(files: tuple[Path, Path]) -> None:
    files[1].chmod(0o644)
    with pytest.raises(StartError, match="chmod 600"):
        Tls(*files)


@pytest.mark.parametrize(
    ("certificate", "key", "why"),
    [
        (None, b"", "cannot read the certificate .* see --tls-cert"),
        (b"", b"", "holds no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"", "holds no certificate"),
        (b"good", None, "cannot read the key .* see --tls-key"),
        (b"good", b"nonsense", "holds no private key"),
        (b"good", b"other", "is the key of another certificate"),
    ],
)
def test_files_that_are_no_pair_are_named_with_the_reason(
    tmp_path: Path, certificate: bytes | None, key: bytes | None, why: str
) -> None:
    now = datetime.datetime.now(datetime.UTC)
    good, other = [make_self_signed(["a.example"], days=1, now=now) for _ in range(2)]
    files = tmp_path / "c", tmp_path / "k"
    known = {b"good": good[0], b"other": other[1]}
    for file, content in zip(files, (certificate, key), strict=True):
        if content is not None:
            file.touch(0o600)
            file.write_bytes(known.get(content, content))
    with pytest.raises(StartError, match=why) as refused:
        Tls(*files)
    assert "\n" not in str(refused.value)


def test_a_key_with_a_password_is_refused_and_nobody_is_asked(files: tuple[Path, Path]) -> None:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(files[1].read_bytes(), None)
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    with pytest.raises(StartError, match="password"):
        Tls(*files)
