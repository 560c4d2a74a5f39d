"""Whom a proxy speaks for, and who is believed to be one (security row 6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.proxies import HOPS, Proxies, network, scheme
from tests.guest import masked, upgrade, wire
from tests.nodes import Served, Serving

TRUSTED = Proxies(["10.0.0.0/8", "::1/128"])


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("::1", True),
        ("11.0.0.1", False),
        ("::2", False),
        ("", False),
        ("proxy", False),
    ],
)
def test_a_proxy_is_trusted_by_its_address(peer: str, trusted: bool) -> None:
    assert TRUSTED.trusts(peer) is trusted


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ([], "10.0.0.1"),
        (["203.0.113.7"], "203.0.113.7"),
        (["198.51.100.9, 203.0.113.7"], "203.0.113.7"),  # the first one the client wrote itself
        (["198.51.100.9", "203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, 10.9.9.9"], "203.0.113.7"),
        (["198.51.100.9, 203.0.113.7, 10.9.9.9, ::1"], "203.0.113.7"),
        (["10.8.8.8"], "10.8.8.8"),
        (["203.0.113.7:51234"], "203.0.113.7"),
        (["[2001:db8::7]:443"], "2001:db8::7"),
        (['"[2001:db8::7]"'], "2001:db8::7"),
        (["2001:db8::7"], "2001:db8::7"),
        (["::ffff:203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, nonsense"], "10.0.0.1"),
        (["203.0.113.7, "], "10.0.0.1"),
        (["unknown"], "10.0.0.1"),
        (["203.0.113.7" + ", 10.0.0.2" * HOPS], "10.0.0.2"),
    ],
)
def test_the_client_is_the_last_hop_that_is_no_proxy_of_ours(forwarded: list[str], client: str) -> None:
    assert TRUSTED.client("10.0.0.1", forwarded) == client


@given(st.lists(st.text()))
def test_no_header_is_too_odd(forwarded: list[str]) -> None:
    assert TRUSTED.client("10.0.0.1", forwarded)
    assert scheme(forwarded) in (None, "http", "https")


@pytest.mark.parametrize(
    ("forwarded", "told"),
    [([], None), (["https"], "https"), (["http, HTTPS"], "https"), (["https", "http"], "http"), (["gopher"], None)],
)
def test_the_scheme_is_what_the_nearest_proxy_says(forwarded: list[str], told: str | None) -> None:
    assert scheme(forwarded) == told


@pytest.mark.parametrize("text", ["10.0.0.0/8", "fd00::/8", "127.0.0.1/32"])
def test_a_network_is_kept_as_it_is(text: str) -> None:
    assert network(text) == text


# At the port of a node


async def seen_from(served: Served, **headers: str) -> str:
    """The address that the node takes a client for which sends these headers."""
    async with wire(served.url) as raw:
        await raw.send(upgrade(raw.host, **headers))
        head = await raw.head()
        assert head.startswith(b"HTTP/1.1 101 "), head
        [connection] = served.gateway.connections
        return connection.ip


async def answered(served: Served, host: str | None = None, **headers: str) -> int:
    """The status of the answer to an upgrade."""
    async with wire(served.url) as raw:
        await raw.send(upgrade(host or raw.host, **headers))
        return int((await raw.head()).split()[1])


async def test_a_header_from_elsewhere_is_ignored(served: Served) -> None:
    assert await seen_from(served, X_Forwarded_For="203.0.113.7") == "127.0.0.1"


async def test_a_header_of_a_trusted_proxy_is_believed(serve: Serving) -> None:
    served = await serve(trusted_proxies=("127.0.0.0/8",))
    assert await seen_from(served, X_Forwarded_For="6.6.6.6, 203.0.113.7") == "203.0.113.7"


async def test_a_session_is_listed_with_the_address_of_its_client(serve: Serving) -> None:
    served = await serve(trusted_proxies=("127.0.0.1/32",))
    async with wire(served.url) as raw:
        await raw.send(upgrade(raw.host, X_Forwarded_For="203.0.113.7"))
        await raw.head()
        await raw.send(masked(raw.TEXT, b'{"type":"hello","name":"Ann"}'))
        assert (await raw.read_message())["type"] == "welcome"
        admin = await served.enter_as("admin")
        listed = await admin.ask("list", what="sessions")
    assert {item["name"]: item["ip"] for item in listed["items"]}["Ann"] == "203.0.113.7"


async def test_behind_a_proxy_the_page_is_the_host_that_it_was_asked_for_by_its_scheme(serve: Serving) -> None:
    served = await serve(trusted_proxies=("127.0.0.1/32",))
    https = {"X_Forwarded_Proto": "https"}
    assert await answered(served, "voice.example", Origin="https://voice.example", **https) == 101
    assert await answered(served, "voice.example:443", Origin="https://voice.example", **https) == 101
    assert await answered(served, "voice.example:8443", Origin="https://voice.example:8443", **https) == 101
    for origin in (
        "http://voice.example",
        "https://evil.example",
        "https://voice.example.evil.example",
        "https://evilvoice.example",
        "https://voice.example:8443",
        "null",
    ):
        assert await answered(served, "voice.example", Origin=origin, **https) == 403


async def test_without_a_trusted_proxy_a_foreign_host_is_no_page_of_this_node(served: Served) -> None:
    headers = {"Origin": "https://voice.example", "X_Forwarded_Proto": "https", "X_Forwarded_Host": "voice.example"}
    assert await answered(served, "voice.example", **headers) == 403
