"""Plain HTTP on the port of a node (protocol.md section 1, security row 18)."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import web
from server.web import Site
from tests.guest import Wire, fetch, upgrade, wire
from tests.nodes import Served, Serving

FILES = {
    "/": ("text/html; charset=utf-8", b"<!doctype html>page"),
    "/index.html": ("text/html; charset=utf-8", b"<!doctype html>page"),
    "/app.js": ("text/javascript; charset=utf-8", b"app();"),
    "/folder/icon.svg": ("image/svg+xml", b"<svg/>"),
}


@pytest.fixture
async def site(serve: Serving) -> Served:
    """A node that serves a page."""
    return await serve(site=Site(FILES))


@pytest.fixture
async def raw(site: Served) -> AsyncIterator[Wire]:
    """A connection to it."""
    async with wire(site.url) as connection:
        yield connection


@pytest.mark.parametrize("path", FILES)
async def test_files_are_served_as_they_are(site: Served, path: str) -> None:
    kind, body = FILES[path]
    for asked in (path, path + "?", path + "?v=1&x=../..", path + "?a?b"):
        answer = await fetch(site.url, asked)
        assert (answer.status, answer.headers["content-type"], answer.body) == (200, kind, body)
        assert answer.headers["content-length"] == str(len(body))


@pytest.mark.parametrize("path", [*FILES, "/healthz", "/readyz", "/metrics", "/ws", "/nothing"])
async def test_every_answer_forbids_guessing_types_and_foreign_content(site: Served, path: str) -> None:
    answer = await fetch(site.url, path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split(";")}
    assert rules["default-src"] == ["'self'"]
    assert rules["frame-ancestors"] == rules["object-src"] == rules["base-uri"] == ["'none'"]
    assert not {"*", "http:", "https:", "data:", "'unsafe-inline'", "'unsafe-eval'"} & set(policy.split())
    assert "server" not in answer.headers or "Python" not in answer.headers["server"]


async def test_healthz_is_200(site: Served) -> None:
    assert (await fetch(site.url, "/healthz")).status == 200


async def test_readyz_is_200_until_the_node_drains_and_says_why_it_is_not(site: Served) -> None:
    assert (await fetch(site.url, "/readyz")).status == 200
    await site.gateway.drain(0)
    answer = await fetch(site.url, "/readyz")
    assert answer.status == 503
    assert b"drain" in answer.body
    assert (await fetch(site.url, "/healthz")).status == 200


async def test_metrics_are_prometheus_text(site: Served) -> None:
    ann, _bob = await site.members("Ann", "Bob")
    await ann.say("hi")
    answer = await fetch(site.url, "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    values = {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in answer.body.decode().splitlines())
        if name and not name.startswith("#")
    }
    assert values["switchboard_sessions"] == 2
    assert values["switchboard_rooms"] == 1
    assert values["switchboard_draining"] == 0
    assert values['switchboard_deliveries_total{kind="text"}'] > 0
    assert values['switchboard_deliveries_total{kind="voice"}'] == 0
    assert values["switchboard_loop_lag_seconds"] >= 0
    assert values['switchboard_voice_dropped_total{reason="late"}'] == 0
    assert b"# TYPE switchboard_voice_dropped_total counter" in answer.body


async def test_ws_without_an_upgrade_is_426(site: Served) -> None:
    for path in ("/ws", "/ws?x=1"):
        answer = await fetch(site.url, path)
        assert (answer.status, answer.headers["upgrade"]) == (426, "websocket")


async def test_ws_with_a_query_is_a_websocket(site: Served) -> None:
    async with wire(site.url) as connection:
        await connection.send(upgrade(connection.host).replace(b"GET /ws ", b"GET /ws?x=1 "))
        assert (await connection.head()).startswith(b"HTTP/1.1 101 ")


async def test_an_upgrade_elsewhere_is_404(site: Served) -> None:
    async with wire(site.url) as connection:
        await connection.send(upgrade(connection.host).replace(b"GET /ws ", b"GET /wss "))
        assert (await connection.head()).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("header", ["Sec-WebSocket-Key", "Sec-WebSocket-Version", "Connection"])
async def test_an_upgrade_that_lacks_something_is_refused(site: Served, header: str) -> None:
    async with wire(site.url) as connection:
        lines = upgrade(connection.host).split(b"\r\n")
        await connection.send(b"\r\n".join(line for line in lines if not line.startswith(header.encode() + b":")))
        assert (await connection.head()).split()[1] in (b"400", b"426")


async def test_an_upgrade_of_another_version_is_refused(site: Served) -> None:
    async with wire(site.url) as connection:
        await connection.send(upgrade(connection.host, Sec_WebSocket_Version="8"))
        assert (await connection.head()).split()[1] in (b"400", b"426")


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/ws/",
        "/app.js/",
        "/folder",
        "/folder/",
        "//",
        "//app.js",
        "/./app.js",
        "/folder/../app.js",
        "/../../../etc/passwd",
        "/..",
        "/%2e%2e/app.js",
        "/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/..%5c..%5cwindows",
        "/..\\app.js",
        "//etc/passwd",
        "/%00",
        "/app.js%00",
        "/app.js%00.html",
        "/%61pp.js",
        "/APP.JS",
        "/app.js;x",
        "http://127.0.0.1/app.js",
        "http://example.org/",
        "https://example.org/etc/passwd",
        "app.js",
        "*",
        "/index.html.",
        "/server/web.py",
        "/main.py",
        "/.git/config",
        "/" + "x" * 4000,
    ],
)
async def test_every_other_path_is_404(site: Served, path: str) -> None:
    answer = await fetch(site.url, path)
    assert answer.status == 404
    assert b"app();" not in answer.body
    assert b"root:" not in answer.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"])
@pytest.mark.parametrize("path", ["/", "/ws", "/nothing"])
async def test_other_methods_are_405(site: Served, method: str, path: str) -> None:
    answer = await fetch(site.url, path, method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("size", [1, 1000, 300_000])
async def test_a_post_with_a_body_is_405_and_the_client_can_read_it(site: Served, size: int) -> None:
    answer = await fetch(site.url, "/", method="POST", body=b"b" * size)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("rest", [b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", b"\r\n", b"\xff" * 40])
async def test_what_comes_in_one_piece_behind_a_request_is_not_heard(
    site: Served, raw: Wire, caplog: pytest.LogCaptureFixture, rest: bytes
) -> None:
    await raw.send(f"GET /healthz HTTP/1.1\r\nHost: {raw.host}\r\n\r\n".encode() + rest)
    answer = await raw.rest()
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\nok\n")
    async with wire(site.url) as connection:
        await connection.send(upgrade(connection.host) + b"\xff" * 10)
        upgraded, _, frames = (await connection.rest()).partition(b"\r\n\r\n")
        assert upgraded.startswith(b"HTTP/1.1 101 ")
        assert (frames[0], frames[2:4]) == (0x88, (1002).to_bytes(2))
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_post_with_a_chunked_body_is_405(site: Served, raw: Wire) -> None:
    await raw.send(f"POST / HTTP/1.1\r\nHost: {raw.host}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n".encode())
    assert (await raw.head()).startswith(b"HTTP/1.1 405 ")


async def test_frames_behind_a_request_for_no_websocket_are_not_answered_as_such(site: Served, raw: Wire) -> None:
    ping = b"\x89\x81\0\0\0\0x"
    await raw.send(f"POST / HTTP/1.1\r\nHost: {raw.host}\r\n\r\n".encode() + ping * 3)
    answer = await raw.rest()
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"\x8a" not in answer


@pytest.mark.parametrize("cut", [1, 2, 3])
async def test_the_end_of_a_request_is_found_in_two_pieces(site: Served, raw: Wire, cut: int) -> None:
    head = f"POST / HTTP/1.0\r\nHost: {raw.host}\r\n\r\n".encode()
    await raw.send(head[:-cut])
    assert (await fetch(site.url, "/healthz")).status == 200, "the node has read the first piece by now"
    await raw.send(head[-cut:] + b"\x89\x81\0\0\0\0x")
    answer = await raw.rest()
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"\x8a" not in answer


async def test_a_ping_right_behind_an_upgrade_is_answered_after_it(site: Served, raw: Wire) -> None:
    await raw.send(upgrade(raw.host) + b"\x89\x81\0\0\0\0x")
    assert (await raw.head()).startswith(b"HTTP/1.1 101 ")
    assert await raw.reader.readexactly(3) == b"\x8a\x01x"


async def test_a_method_that_comes_byte_by_byte_is_read_whole(site: Served, raw: Wire) -> None:
    for byte in f"PUT / HTTP/1.1\r\nHost: {raw.host}\r\nContent-Length: 1\r\n\r\nx".encode():
        await raw.send(bytes((byte,)))
    assert (await raw.head()).startswith(b"HTTP/1.1 405 ")


@pytest.mark.parametrize("path", [*FILES, "/healthz", "/readyz", "/metrics", "/ws", "/nothing"])
async def test_head_is_get_without_the_body(site: Served, path: str) -> None:
    got, head = await fetch(site.url, path), await fetch(site.url, path, method="HEAD")
    assert head.status == got.status
    assert head.body == b""
    if path != "/metrics":  # whose numbers move
        assert head.headers == got.headers
    assert int(head.headers["content-length"]) > 0


async def test_a_get_with_a_body_is_answered(site: Served) -> None:
    assert (await fetch(site.url, "/", body=b"why?")).status in (200, 400)


async def test_the_connection_ends_after_the_answer(site: Served) -> None:
    answer = await fetch(site.url, "/")
    assert answer.headers["connection"] == "close"


async def test_a_page_reaches_a_client_that_reads_slowly(serve: Serving) -> None:
    body = b"x" * 4_000_000
    served = await serve(site=Site({"/big": ("text/plain", body)}))
    async with wire(served.url) as connection:
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]  # asyncio's, it has one
        await connection.send(f"GET /big HTTP/1.1\r\nHost: {connection.host}\r\n\r\n".encode())
        assert (await fetch(served.url, "/healthz")).status == 200
        served.advance(8)
        connection.writer.transport.resume_reading()  # type: ignore[attr-defined]  # asyncio's, it has one
        answer = await connection.rest()
    assert answer.partition(b"\r\n\r\n")[2] == body


@given(st.text(max_size=40), st.sampled_from(["", "/", "/../", "//", "/%2e%2e/"]))
def test_only_what_is_listed_is_ever_found(tail: str, head: str) -> None:
    site = Site(FILES)
    assert (site.find(head + tail) is not None) == (head + tail in FILES)


def test_ten_thousand_made_up_paths_find_only_what_is_listed() -> None:
    site, chance = Site(FILES), random.Random(18)
    pieces = ["/", "..", ".", "%2e", "%2f", "%5c", "\\", "%00", "\0", "//", "app.js", "index.html", "folder"]
    pieces += ["icon.svg", "?", "#", ";", "http:", "etc/passwd", "C:", "~", "é", " ", "\u202e", "%252e", "*"]
    found = 0
    for _ in range(10_000):
        path = "".join(chance.choices(pieces, k=chance.randint(1, 6)))
        reply = web.answer("GET", path, site=site, not_ready=None, metrics=b"", metrics_type="text/plain")
        assert (reply.status == 200) == (path in FILES), path
        found += path in FILES
    assert found > 10


@given(st.text(max_size=20), st.sampled_from(["GET", "HEAD", "POST", "get", "", "BREW"]))
def test_any_request_has_an_answer(path: str, method: str) -> None:
    reply = web.answer(method, path, site=Site(FILES), not_ready=None, metrics=b"m", metrics_type="text/plain")
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    if method not in ("GET", "HEAD"):
        assert reply.status == 405
    elif path not in (*FILES, "/healthz", "/readyz", "/metrics", "/ws"):
        assert reply.status == 404
