"""Whose pages may connect (protocol.md section 1, `--origin`; security row 5)."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from tests.guest import upgrade, wire
from tests.nodes import Served, Serving


async def allowed(served: Served, origin: str) -> bool:
    """Whether a page of `origin` gets in; anything but in or 403 fails."""
    try:
        guest = await served.connect(origin=origin)
    except InvalidStatus as refused:
        status = refused.response.status_code
    else:
        assert (await guest.ask("hello"))["type"] == "welcome"
        return True
    assert status == 403
    return False


def authority(served: Served) -> str:
    return served.url.removeprefix("ws://").removesuffix("/ws")


async def test_a_client_without_an_origin_is_let_in(served: Served) -> None:
    assert (await served.enter()).welcome["type"] == "welcome"


async def test_a_page_of_the_node_itself_is_let_in(served: Served) -> None:
    assert await allowed(served, f"http://{authority(served)}")


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "https://evil.example",
        "null",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "http://{here}.evil.example",
        "http://evil.example/{here}",
        "http://evil{here}",
        "http://{here}@evil.example",
        "http://evil.example#{here}",
        "ws://{here}",
        "file://{here}",
        "{here}",
        "http://{here}/",
        "*",
        "http://*",
    ],
)
async def test_every_other_page_is_refused_with_403(served: Served, origin: str) -> None:
    assert not await allowed(served, origin.format(here=authority(served)))


async def test_an_empty_origin_is_refused(served: Served) -> None:
    async with wire(served.url) as connection:
        await connection.send(upgrade(connection.host, Origin=""))
        assert (await connection.head()).startswith(b"HTTP/1.1 403 ")


async def test_two_origins_are_refused(served: Served) -> None:
    async with wire(served.url) as connection:
        good = f"Origin: http://{connection.host}\r\n"
        request = upgrade(connection.host)[:-2] + (good + "Origin: http://evil.example\r\n\r\n").encode()
        await connection.send(request)
        assert (await connection.head()).startswith(b"HTTP/1.1 403 ")


async def test_a_page_cannot_lend_itself_the_host_of_another(served: Served) -> None:
    async with wire(served.url) as connection:
        request = upgrade(connection.host, Origin="http://evil.example")[:-2] + b"Host: evil.example\r\n\r\n"
        await connection.send(request)
        assert not (await connection.head()).startswith(b"HTTP/1.1 101 ")


async def test_the_origins_that_were_named_are_let_in_beside_the_own(serve: Serving) -> None:
    served = await serve(origins=("https://a.example", "http://b.example:8080"))
    for origin in ("https://a.example", "http://b.example:8080", f"http://{authority(served)}"):
        assert await allowed(served, origin)
    for origin in (
        "http://a.example",
        "https://a.example:8443",
        "https://a.example.evil.example",
        "https://x.a.example",
        "https://aa.example",
        "http://b.example",
        "http://b.example:80800",
        "null",
    ):
        assert not await allowed(served, origin)


async def test_a_star_lets_all_in(serve: Serving) -> None:
    served = await serve(origins=("*",))
    for origin in ("http://evil.example", "null", "file://"):
        assert await allowed(served, origin)


async def test_a_refused_page_learns_nothing(served: Served) -> None:
    async with wire(served.url) as connection:
        await connection.send(upgrade(connection.host, Origin="http://evil.example"))
        answer = await connection.rest()
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"Access-Control-Allow-Origin" not in answer
    assert len(served.node.conversations) == 0


async def test_a_page_of_another_node_of_the_cluster_is_let_in(serve: Serving) -> None:
    a = await serve(address="a:1")
    b = await serve("a:1", address="b:1")
    (ann,) = await a.members("Ann")
    await (await b.enter("Bob")).join()
    await ann.next("member_joined")
    assert await allowed(a, f"http://{authority(b)}")
    assert not await allowed(a, "http://evil.example")
